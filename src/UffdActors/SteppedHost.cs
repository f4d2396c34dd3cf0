using Akka.Configuration;
using UffdActors.Dispatch.Stepping;

namespace UffdActors;

/// <summary>
/// A runtime on the stepped dispatcher: everything, the embedder's own <c>async</c> code included, runs on the thread that made it, in an
/// order that a policy chooses, on virtual time. The same policy and seed give the same run, up to the end of its first VM: Akka stops the
/// actors of a VM in an order that differs from process to process. A run that is to be repeated in another process begins in a host of
/// its own.
/// </summary>
internal sealed class SteppedHost : IDisposable
{
    private readonly PumpContext _pump = new();

    /// <summary>Starts the runtime.</summary>
    /// <param name="config">Configuration over the stepped profile; null for none.</param>
    /// <exception cref="UffdConfigurationException">The configuration means nothing.</exception>
    public SteppedHost(Config? config = null)
    {
        Config profile = UffdSettings.Profile("stepped");
        Runtime = UffdRuntime.Start(config is null ? profile : config.WithFallback(profile));
        Loop = SteppedLoop.Of(Runtime.System);
        Loop.RunUntilQuiet();
    }

    /// <summary>The runtime.</summary>
    public UffdRuntime Runtime { get; }

    /// <summary>The loop that makes the steps; its policy may be exchanged between runs.</summary>
    public SteppedLoop Loop { get; }

    /// <summary>
    /// After how long without anything to run it is a hang. Only ending an actor system needs other threads at all.
    /// </summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Runs asynchronous code to its end, stepping the actors whenever the code waits.</summary>
    /// <exception cref="InvalidOperationException">Nothing is left to run, and the code still waits: a hang.</exception>
    public T Run<T>(Func<Task<T>> body)
    {
        ArgumentNullException.ThrowIfNull(body);
        SynchronizationContext? before = SynchronizationContext.Current;
        try
        {
            SynchronizationContext.SetSynchronizationContext(_pump);
            Task<T> task = body();
            while (!task.IsCompleted) Pump();
            return task.GetAwaiter().GetResult();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    /// <summary>Runs asynchronous code to its end, stepping the actors whenever the code waits.</summary>
    /// <exception cref="InvalidOperationException">Nothing is left to run, and the code still waits: a hang.</exception>
    public void Run(Func<Task> body) => _ = Run(async () =>
    {
        await body();
        return true;
    });

    /// <inheritdoc />
    public void Dispose() => Run(async () => await Runtime.DisposeAsync());

    private void Pump()
    {
        // Both get on: code that polls must not keep the actors from running.
        SynchronizationContext.SetSynchronizationContext(_pump);
        bool ran = _pump.TryRunOne();
        // Without a context of its own, a turn hands continuations to the pump instead of running them.
        SynchronizationContext.SetSynchronizationContext(null);
        if (Loop.Step() || ran || Loop.FireNextTimer()) return;
        if (!_pump.Wait(Patience))
            throw new InvalidOperationException($"Nothing is left to run, and the code still waits: it hangs.{Why()}");
    }

    // A request that was refused for good leaves its threads waiting, and an incident that says so.
    private string Why() => string.Concat(
        Runtime.Vms().Select(vm =>
            vm.Incidents.TryPeek(out Incident? incident) ? $" An incident that was not read: {incident.Message}" : ""));

    /// <summary>Keeps continuations for the thread that pumps.</summary>
    private sealed class PumpContext : SynchronizationContext
    {
        private readonly Queue<(SendOrPostCallback Callback, object? State)> _queue = new();

        public override void Post(SendOrPostCallback d, object? state)
        {
            lock (_queue)
            {
                _queue.Enqueue((d, state));
                Monitor.Pulse(_queue);
            }
        }

        public bool TryRunOne()
        {
            (SendOrPostCallback Callback, object? State) item;
            lock (_queue)
            {
                if (!_queue.TryDequeue(out item)) return false;
            }

            item.Callback(item.State);
            return true;
        }

        public bool Wait(TimeSpan patience)
        {
            lock (_queue) return _queue.Count > 0 || Monitor.Wait(_queue, patience);
        }
    }
}
