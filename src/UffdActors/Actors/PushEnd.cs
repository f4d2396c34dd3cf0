using UffdActors.Handling;
using UffdActors.Model.Turns;

namespace UffdActors.Actors;

/// <summary>How a background push ends: tells the calls that wait for it, and takes what comes for it afterwards.</summary>
/// <param name="options">The push.</param>
/// <param name="wanted">The pages that were to be brought.</param>
/// <param name="waits">What it may be waiting for.</param>
internal sealed class PushEnd(PushOptions options, WantedPages wanted, PushWaits waits)
{
    private readonly OwnerWatch _owner = options.Reader.Owner;

    /// <summary>The push is over.</summary>
    public void Tell(PushEnding how)
    {
        TaskCompletionSource finished = options.Progress.Finished;
        // What waits out an outage with it is not to be probed on its account any more.
        waits.Forget();
        switch (how)
        {
            case PushEnding.OwnerGone:
                _owner.Gone();
                _ = finished.TrySetException(_owner.Refusal("UFFDIO_COPY"));
                break;
            case PushEnding.Early when wanted.NotToBeHad() is { } pages:
                _ = finished.TrySetException(new OperationCanceledException(
                    $"The background push was stopped; {pages} could not be had until then."));
                break;
            case PushEnding.Early:
                _ = finished.TrySetCanceled();
                break;
            case PushEnding.Done when wanted.OrderFailure is { } thrown:
                _ = finished.TrySetException(thrown);
                break;
            case PushEnding.Done when wanted.Missing() is { } missing:
                _ = finished.TrySetException(missing);
                break;
            default:
                _ = finished.TrySetResult();
                break;
        }
    }

    /// <summary>Its actor was stopped.</summary>
    /// <param name="vm">Name of the VM.</param>
    public void Stopped(string vm)
    {
        options.Thread.Exit();
        waits.Forget();
        // It may have been held, or on its way to find out.
        if (!_owner.IsGone && wanted.NextMissing(0) >= wanted.Pages) Tell(PushEnding.Done);
        _ = options.Progress.Finished.TrySetException(
            new VmFailedException($"The background push of region {options.Region} of {vm} was stopped before it had ended."));
    }

    /// <summary>A call that is under way goes on to its end. Only that the memory is gone is to be known all the same.</summary>
    public void Take(object message)
    {
        if (message is IPageFill late)
        {
            if (late.Advance() && late.Error == Errno.ESRCH) _owner.Gone();
        }
        else if (message is Operation unwaited)
        {
            unwaited.Step();
        }
    }
}
