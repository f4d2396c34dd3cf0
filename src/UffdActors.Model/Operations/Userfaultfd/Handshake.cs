using UffdActors.Abi;
using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Operations.Userfaultfd;

/// <summary>UFFDIO_API: agrees on features, once (SEMANTICS 2.1).</summary>
internal sealed class Handshake : ControlOperation
{
    private readonly UserfaultContext _context;
    private readonly UffdioApi _asked;
    private readonly ArgumentPointer _pointer;
    private readonly bool _privileged;

    /// <summary>Makes the call.</summary>
    /// <param name="caller">Thread.</param>
    /// <param name="context">Context.</param>
    /// <param name="asked">Argument.</param>
    /// <param name="pointer">Argument structure.</param>
    /// <param name="privileged">CAP_SYS_PTRACE, which EVENT_FORK needs; null for what the profile says.</param>
    public Handshake(
        Caller caller,
        UserfaultContext context,
        UffdioApi asked,
        ArgumentPointer pointer = ArgumentPointer.Good,
        bool? privileged = null)
        : base(caller)
    {
        ArgumentNullException.ThrowIfNull(context);
        _context = context;
        _asked = asked;
        _pointer = pointer;
        _privileged = privileged ?? context.Mm.Machine.Profile.Privileged;
        Result = asked;
    }

    /// <summary>The structure afterwards: the answer, zeros after EINVAL and EPERM, or as it was after EFAULT.</summary>
    public UffdioApi Result { get; private set; }

    private protected override IEnumerable<Owner?> Stages()
    {
        // Two threads may make the handshake at the same time; the context accepts one.
        yield return _context;
        Error = Decide(out UffdFeatures features);
        if (Error is Errno.EINVAL or Errno.EPERM)
        {
            // The kernel reports the failure in the structure too; if it cannot write it, the result is EFAULT.
            if (_pointer == ArgumentPointer.ReadOnly) Error = Errno.EFAULT;
            else Result = default;
        }
        else if (Error == Errno.None)
        {
            _context.Initialize(features);
            Result = new UffdioApi
            {
                Api = Uffd.ApiMagic,
                Features = (ulong)_context.Mm.Machine.Profile.Features,
                Ioctls = (ulong)UffdIoctls.OfContext,
            };
        }
    }

    private Errno Decide(out UffdFeatures features)
    {
        features = (UffdFeatures)_asked.Features;
        if (_pointer == ArgumentPointer.Null) return Errno.EFAULT;
        if (_asked.Api != Uffd.ApiMagic) return Errno.EINVAL;
        if ((features & UffdFeatures.EventFork) != 0 && !_privileged) return Errno.EPERM;
        if ((features & UffdFeatures.WpAsync) != 0) features |= UffdFeatures.WpUnpopulated;
        if ((features & ~_context.Mm.Machine.Profile.Features) != 0) return Errno.EINVAL;
        if (_pointer == ArgumentPointer.ReadOnly) return Errno.EFAULT;
        return _context.IsInitialized ? Errno.EINVAL : Errno.None;
    }
}
