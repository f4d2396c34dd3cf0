using UffdActors.Model.Memory;

namespace UffdActors.Handling;

/// <summary>Reads answers: pure, and by one rule for handlers, pushes and racing resolvers.</summary>
internal static class FillAnswers
{
    /// <summary>Reads the answer to a fill.</summary>
    /// <param name="kind">The fill.</param>
    /// <param name="error">Its errno.</param>
    /// <param name="result">Its signed out field.</param>
    public static FillAnswer Read(FillKind kind, Errno error, long? result) => error switch
    {
        Errno.None => FillAnswer.Filled,
        Errno.EAGAIN => result > 0 ? FillAnswer.Partly : FillAnswer.Unread,
        Errno.EEXIST => kind == FillKind.ZeroPage ? FillAnswer.CopyZeros : FillAnswer.Present,
        Errno.ENOENT => FillAnswer.Gone,
        Errno.ESRCH => FillAnswer.OwnerGone,
        Errno.EFAULT => kind == FillKind.Continue ? FillAnswer.Hole : FillAnswer.Unreadable,
        Errno.ENOMEM => FillAnswer.NoMemory,
        Errno.EINVAL => kind == FillKind.ZeroPage ? FillAnswer.CopyZeros : FillAnswer.Unfit,
        _ => FillAnswer.Failed,
    };

    /// <summary>Reads the answer to a fill that has ended.</summary>
    public static FillAnswer Read(IPageFill fill) => Read(fill.Kind, fill.Error, fill.Out);
}
