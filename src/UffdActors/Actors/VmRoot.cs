using Akka.Actor;
using UffdActors.Failures;
using UffdActors.Handling;
using UffdActors.Model.Backends;
using UffdActors.Model.Inputs;
using UffdActors.Model.Turns;

namespace UffdActors.Actors;

/// <summary>
/// A VM's root actor (<see cref="VmActor"/>) as the facade and the kernels see it: they ask it to start and to stop actors, and wait for
/// its answers no longer than the VM lives. Safe for any thread.
/// </summary>
internal sealed class VmRoot
{
    /// <summary>Why a VM fails whose actor system its owner has terminated.</summary>
    public const string SystemIsGone = "the actor system that was lent to the runtime has been terminated by its owner";

    private static readonly Task<string> Never = new TaskCompletionSource<string>().Task;
    private readonly ActorSystem _system;
    private readonly VmHealth _health;
    private readonly TaskCompletionSource _stopped;
    private IActorRef _root = ActorRefs.Nobody;
    private int _nextName;
    private volatile bool _isClosing;
    private volatile bool _isFreed;

    /// <summary>Makes it; the actor begins with <see cref="Start"/>.</summary>
    /// <param name="system">The runtime's actor system.</param>
    /// <param name="settings">The runtime's settings.</param>
    /// <param name="modules">The runtime's memory modules.</param>
    /// <param name="context">What the VM's actors share.</param>
    public VmRoot(ActorSystem system, UffdSettings settings, ModuleTable modules, VmContext context)
    {
        _system = system;
        Settings = settings;
        Modules = modules;
        Context = context;
        _health = new VmHealth(Completion);
        // On virtual time the thread that is blocked is the embedder's own.
        Calls = settings.IsStepped ? null : new ForeignCalls(context.Incidents, TimeProvider.System);
        _stopped = NewCompletion();
    }

    /// <summary>Sees hooks of memory modules that do not return; null without that watch.</summary>
    public HookWatch? NewHookWatch() => Calls is null ? null : new HookWatch(Calls);

    /// <summary>Name for reports.</summary>
    public string Name => Context.Name;

    /// <summary>What the VM's actors share.</summary>
    public VmContext Context { get; }

    /// <summary>The runtime's settings.</summary>
    public UffdSettings Settings { get; }

    /// <summary>The runtime's memory modules.</summary>
    public ModuleTable Modules { get; }

    /// <summary>Notices code of the embedder that does not return; null without that watch.</summary>
    public ForeignCalls? Calls { get; }

    /// <summary>Ends with the cause if the VM fails closed.</summary>
    public Task<Exception> Failed => _health.Failed;

    /// <summary>All actors have ended, in order or with their system.</summary>
    public bool HasEnded => _stopped.Task.IsCompleted || HasLostSystem;

    /// <summary>How long an end is waited for; without a limit on virtual time.</summary>
    public TimeSpan CloseTimeout => Settings.IsStepped ? Timeout.InfiniteTimeSpan : Settings.CloseTimeout;

    /// <summary>
    /// On real threads a turn must not run the embedder's continuations. On the stepped dispatcher they go to the host's queue by
    /// themselves, and the thread pool would make the run unrepeatable.
    /// </summary>
    private TaskCreationOptions Completion =>
        Settings.IsStepped ? TaskCreationOptions.None : TaskCreationOptions.RunContinuationsAsynchronously;

    private bool HasLostSystem => _health.Lost.IsCompleted || _system.WhenTerminated.IsCompleted;

    /// <summary>Starts the root actor.</summary>
    public void Start() => _root = _system.ActorOf(VmActor.Props(Context, _health), Context.Name);

    /// <summary>From here on no call begins.</summary>
    public void BeginClosing() => _isClosing = true;

    /// <summary>From here on its memory is not read any more.</summary>
    public void BeginFreeing() => _isFreed = true;

    /// <summary>For the start of every look at its memory, which is there until the VM ends, also if it has failed.</summary>
    /// <exception cref="ObjectDisposedException">The VM has been disposed of.</exception>
    public void ThrowIfFreed()
    {
        if (_isFreed) throw ClosedObjects.Vm();
    }

    /// <summary>For the start of every call.</summary>
    /// <exception cref="ObjectDisposedException">The VM has been disposed of.</exception>
    /// <exception cref="VmFailedException">It has failed closed.</exception>
    public void ThrowIfClosed()
    {
        if (_isClosing) throw ClosedObjects.Vm();
        if (_health.Cause is not null || HasLostSystem) throw Ended();
    }

    /// <summary>Makes a completion whose continuations run where this VM's may.</summary>
    public TaskCompletionSource NewCompletion() => new(Completion);

    /// <summary>Makes a completion whose continuations run where this VM's may.</summary>
    public TaskCompletionSource<T> NewCompletion<T>() => new(Completion);

    /// <summary>A name for an actor that no other of this VM has.</summary>
    public string NewName(string kind) => $"{kind}-{Interlocked.Increment(ref _nextName)}";

    /// <summary>Gives owners that were made outside the ring their actors.</summary>
    public Task AttachAsync(IReadOnlyList<Owner> owners, CancellationToken cancel)
    {
        TaskCompletionSource done = NewCompletion();
        _root.Tell(new VmProtocol.Attach(owners, done));
        return OrFailed(done.Task.WaitAsync(cancel));
    }

    /// <summary>Makes a child of the VM's root.</summary>
    public async Task<IActorRef> StartActorAsync(Props props, string name)
    {
        TaskCompletionSource<IActorRef> done = NewCompletion<IActorRef>();
        _root.Tell(new VmProtocol.StartActor(props, name, done));
        return await OrFailed(done.Task);
    }

    /// <summary>Starts the actor of a page source.</summary>
    public Task<IActorRef> StartSourceAsync(SourceWatch watch) =>
        StartActorAsync(SourceActor.Props(watch.Source, Context.DispatcherId, watch, Context.Time), NewName("source"));

    /// <summary>Starts vCPUs; all of them exist before the first one runs.</summary>
    public async Task<IReadOnlyList<IActorRef>> StartVcpusAsync(IReadOnlyList<VcpuOptions> vcpus)
    {
        TaskCompletionSource<IReadOnlyList<IActorRef>> done = NewCompletion<IReadOnlyList<IActorRef>>();
        _root.Tell(new VmProtocol.StartVcpus(vcpus, NewName("vcpu"), done));
        return await OrFailed(done.Task);
    }

    /// <summary>Starts the handlers of a context, and lets its reader read.</summary>
    public Task StartHandlersAsync(FaultReader reader, IActorRef context, IReadOnlyList<HandlerOptions> handlers)
    {
        TaskCompletionSource done = NewCompletion();
        _root.Tell(new VmProtocol.StartHandlers(reader, context, handlers, NewName(VmProtocol.HandlerName), done));
        return OrFailed(done.Task);
    }

    /// <summary>Starts the background push of a region.</summary>
    public async Task<IActorRef> StartPushAsync(PushOptions options)
    {
        TaskCompletionSource<IActorRef> done = NewCompletion<IActorRef>();
        _root.Tell(new VmProtocol.StartPush(PushActor.Props(Context, options), options.Thread, NewName("push"), done));
        return await OrFailed(done.Task);
    }

    /// <summary>Stops children, and waits until they have ended.</summary>
    public Task StopAsync(IReadOnlyList<IActorRef> children)
    {
        TaskCompletionSource done = NewCompletion();
        _root.Tell(new VmProtocol.StopChildren(children, done));
        return OrFailed(done.Task);
    }

    /// <summary>Stops all actors. A system that its owner has terminated has stopped them itself.</summary>
    /// <exception cref="TimeoutException">One is still in a turn.</exception>
    public async Task EndAsync(TimeSpan timeout)
    {
        _root.Tell(new VmProtocol.StopVm(_stopped));
        await (await Task.WhenAny(_stopped.Task, _health.Lost, _system.WhenTerminated).WaitAsync(timeout));
    }

    /// <summary>Waits, but no longer than the VM lives: no call hangs on actors that are gone.</summary>
    /// <exception cref="VmFailedException">The VM has failed, or was disposed of.</exception>
    /// <exception cref="TimeoutException">A hook of a memory module has been called and does not return.</exception>
    public async Task OrFailed(Task task)
    {
        Task<string> stuck = Calls?.Stuck ?? Never;
        _ = await Task.WhenAny(task, _health.Failed, _stopped.Task, _health.Lost, _system.WhenTerminated, stuck);
        if (!task.IsCompleted)
        {
            bool isOver = _health.Failed.IsCompleted || _stopped.Task.IsCompleted;
            throw stuck.IsCompleted && !isOver ? new TimeoutException($"{Name} does not go on: {await stuck}.") : Ended();
        }

        await task;
    }

    /// <inheritdoc cref="OrFailed(Task)"/>
    public async Task<T> OrFailed<T>(Task<T> task)
    {
        await OrFailed((Task)task);
        return await task;
    }

    /// <summary>
    /// Waits for the end of a call that ends something: as long as it takes, but not for ever on code of the embedder that is called in a
    /// turn and does not come back.
    /// </summary>
    /// <exception cref="TimeoutException">Such a call has been under way for <c>uffd.close-timeout</c>.</exception>
    public async Task UnlessBlockedAsync(string name, Task call)
    {
        while (Calls is not null && !call.IsCompleted)
        {
            IReadOnlyList<CallUnderWay> underWay = Calls.UnderWay;
            try
            {
                await call.WaitAsync(CloseTimeout);
            }
            catch (TimeoutException e) when (!call.IsCompleted)
            {
                foreach (CallUnderWay stuck in underWay.Where(c => c.IsStillUnderWay))
                {
                    throw new TimeoutException(
                        $"{name} of {Name} has not ended: {stuck.Name} has been called in a turn and has not returned for {CloseTimeout}. "
                            + $"It ends when that returns; disposing of the VM waits no longer than uffd.close-timeout.", e);
                }
            }
        }

        await call;
    }

    /// <summary>The embedder's code that has not returned, for a message; empty if there is none.</summary>
    public string WhatBlocks(string before) => Calls?.UnderWay is { Count: > 0 } calls ? $"{before}{calls[0].Name} has not returned" : "";

    /// <summary>Reports how a call ends whose caller has given up waiting.</summary>
    public async Task ReportLateAsync(string name, Task call)
    {
        string outcome;
        try
        {
            await OrFailed(call);
            outcome = "succeeded";
        }
        catch (UffdException e)
        {
            outcome = $"failed with {e.Error}";
        }
        catch (Exception e) when (e is VmFailedException or OperationCanceledException)
        {
            // Reported as such, or not issued at all.
            return;
        }

        Context.Incidents.Report(
            new Incident(IncidentKind.CancelledCallEnded, $"{name} was cancelled after it had been issued, and has {outcome}."));
    }

    private VmFailedException Ended()
    {
        if (_health.Cause is null && HasLostSystem) return new VmFailedException($"{Name} has failed closed: {SystemIsGone}");
        if (_health.Cause is not { } reason) return new VmFailedException($"{Name} was disposed of before the call had ended.");
        return new VmFailedException($"{Name} has failed closed: {ForeignText.Of(reason)}", reason);
    }
}
