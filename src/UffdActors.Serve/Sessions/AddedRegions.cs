using System.Net.Sockets;
using UffdActors.Serve.Dialects;

namespace UffdActors.Serve.Sessions;

/// <summary>Memory that is plugged in is reported by the VMM on its connection (add_region), as long as that exists.</summary>
internal static class AddedRegions
{
    /// <summary>Takes regions until the connection is at an end.</summary>
    /// <param name="connection">A hand-over whose VMM waits for answers.</param>
    /// <param name="memory">The regions of the guest.</param>
    /// <param name="fate">Kills the VMM if a region cannot be served and the policy says so.</param>
    /// <param name="options">How the guest is served.</param>
    /// <param name="stop">Ends it.</param>
    public static async Task TakeAsync(
        HandOver connection, SessionMemory memory, SessionFate fate, SessionOptions options, CancellationToken stop)
    {
        try
        {
            while (await AddedRegion.ReceiveAsync(connection.Socket!, memory.Count, stop) is { } region)
            {
                await memory.AddAsync(region, stop);
                await connection.AnswerAsync(stop);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Asked for, or the VMM has closed it.
        }
        catch (Exception e) when (e is HandOverException or UffdException or VmFailedException or IOException)
        {
            // There is no negative answer: the VMM waits for two seconds, or finds its connection at an end.
            connection.Socket!.Dispose();
            bool isKilled = options.OnFailure == FailurePolicy.Kill && fate.TryKill();
            options.Observer?.Invoke(new SessionNote(
                isKilled ? SessionNoteKind.Killed : SessionNoteKind.Warning,
                $"Memory that the VMM adds is not served: {e.Message} Its connection is closed"
                    + (isKilled ? ", and it is killed." : "; what the guest touches there stays asleep.")));
        }
    }
}
