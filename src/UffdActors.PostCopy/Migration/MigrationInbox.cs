using System.Runtime.CompilerServices;
using System.Threading.Channels;
using UffdActors.PostCopy.Wire;

namespace UffdActors.PostCopy.Migration;

/// <summary>
/// The inputs of one side of a migration, from lanes, timers and its operator, handled one at a time. May be posted to from any thread.
/// </summary>
/// <typeparam name="TInput">Input of the side.</typeparam>
/// <param name="wake">An input that changes nothing, posted so that a failure is seen.</param>
internal sealed class MigrationInbox<TInput>(TInput wake) where TInput : struct, IMigrationInput
{
    private readonly Channel<TInput> _inputs = Channel.CreateUnbounded<TInput>(new() { SingleReader = true });
    private volatile Exception? _failure;

    /// <summary>Why the migration cannot go on; null if it can.</summary>
    public Exception? Failure => _failure;

    /// <summary>Adds an input. After <see cref="Close"/> it is dropped, and a link that it brings is closed.</summary>
    public void Post(in TInput input)
    {
        if (!_inputs.Writer.TryWrite(input) && input.IsLinkUp) input.Link!.Dispose();
    }

    /// <summary>
    /// Adds a frame of the peer, and waits until it has been handled: the peer's next frame stays in the socket buffer meanwhile, so that a
    /// flood uses no memory here.
    /// </summary>
    public void PostAndWait(Link link, in TInput input)
    {
        Post(input);
        link.WaitForControl();
    }

    /// <summary>Ends the migration with a failure.</summary>
    public void Fail(Exception why)
    {
        _failure = why;
        Post(wake);
    }

    /// <summary>Adds a command.</summary>
    /// <returns>True if it was carried out; false if it was refused, or the migration has ended.</returns>
    public Task<bool> CommandAsync(Func<TaskCompletionSource<bool>, TInput> command)
    {
        TaskCompletionSource<bool> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_inputs.Writer.TryWrite(command(done))) done.SetResult(false);
        return done.Task;
    }

    /// <summary>The inputs, until the migration has failed.</summary>
    public async IAsyncEnumerable<TInput> ReadAllAsync([EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (TInput input in _inputs.Reader.ReadAllAsync(cancel))
        {
            if (_failure is not null) throw _failure;
            if (input.IsOfPeer) input.Link!.ControlTaken();
            yield return input;
        }
    }

    /// <summary>Takes no more inputs.</summary>
    public void Close() => _inputs.Writer.Complete();

    /// <summary>Drops what is left: links that nobody took are closed, commands are refused.</summary>
    public void Drop()
    {
        while (_inputs.Reader.TryRead(out TInput left))
        {
            if (left.IsLinkUp) left.Link!.Dispose();
            _ = left.Done?.TrySetResult(false);
        }
    }
}
