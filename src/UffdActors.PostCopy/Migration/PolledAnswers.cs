using UffdActors.PostCopy.Wire;

namespace UffdActors.PostCopy.Migration;

/// <summary>
/// Reads the urgent lane on the thread that reads the guest's faults, so that an answer wakes one thread only, which installs it. It
/// handles whole answers; at any other frame the lane returns to its own thread for good.
/// </summary>
/// <param name="lane">The urgent lane.</param>
/// <param name="source">Takes the answers.</param>
internal sealed class PolledAnswers(Lane lane, WireSource source)
{
    private readonly byte[] _runs = new byte[WireLimits.PagesAFrame * FrameHeader.RunBytes];

    /// <summary>Waits while the guest's VM reads the lane; on the lane's own thread. Returns at once where the VM cannot poll it.</summary>
    /// <exception cref="IOException">The lane has ended.</exception>
    /// <exception cref="WireException">The peer does not keep to the protocol.</exception>
    public void Wait(UffdVm vm)
    {
        if (!vm.PollsDescriptors || lane.Polled is not { } descriptor) return;
        try
        {
            vm.PollAsync(descriptor, TakeWhatHasCome).WaitAsync(lane.Closed).GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is ObjectDisposedException or OperationCanceledException)
        {
            // The VM's thread may still be in a call: this thread must not touch the lane any more.
            if (lane.Closed.IsCancellationRequested) throw new IOException("the connection has been closed", e);
        }
        catch (Exception e) when (e is UffdException or VmFailedException)
        {
            // The lane is read by this thread then.
        }
    }

    private bool TakeWhatHasCome()
    {
        lane.Receive();
        while (lane.TryLook(out FrameHeader header, out int left))
        {
            if (header.Kind is not (MessageKind.Answer or MessageKind.Ping) || !lane.HasRoomFor(header)) return false;
            if (left > 0) break;
            _ = lane.ReadHeader();
            if (header.Kind == MessageKind.Answer) source.TakePolled(lane, header, _runs);
        }

        return true;
    }
}
