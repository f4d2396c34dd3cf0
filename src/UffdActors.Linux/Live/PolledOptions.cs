using UffdActors.Handling;
using UffdActors.Linux.Native;

namespace UffdActors.Linux.Live;

/// <summary>How a descriptor of the embedder is polled.</summary>
/// <param name="Handle">The descriptor, owned by the actor.</param>
/// <param name="Waiter">Polls it.</param>
/// <param name="Readable">Called when it can be read; false ends the polling.</param>
/// <param name="Calls">Notices a call that does not return.</param>
/// <param name="Ended">Completed when the polling has ended.</param>
internal sealed record PolledOptions(
    LinuxHandle Handle, DescriptorWaiter Waiter, Func<bool> Readable, ForeignCalls? Calls, TaskCompletionSource Ended);
