using Akka.Actor;
using Akka.Configuration;
using UffdActors.Actors;
using UffdActors.Configuration;
using UffdActors.Dispatch;
using UffdActors.Dispatch.Stepping;
using UffdActors.Failures;
using UffdActors.Model.Backends;
using UffdActors.Modules;
using UffdActors.Statistics;
using UffdActors.Worlds;

namespace UffdActors;

/// <summary>
/// The page-fault runtime: loads memory modules and runs VMs. Owns an actor system, or borrows one.
/// </summary>
/// <remarks>Safe for any thread; on the stepped dispatcher, for the thread that made it.</remarks>
public sealed class UffdRuntime : IAsyncDisposable
{
    private readonly ActorSystem _system;
    private readonly bool _ownsSystem;
    private readonly World _world;
    private readonly ModuleLoader _loader = new();
    private readonly Lock _gate = new();
    private readonly List<UffdVm> _vms = [];
    private readonly VmLoops _loops;
    private bool _disposed;

    private UffdRuntime(ActorSystem system, bool ownsSystem, UffdSettings settings)
    {
        _system = system;
        _ownsSystem = ownsSystem;
        Settings = settings;
        Modules = new ModuleTable();
        _world = World.Of(settings);
        _loops = new VmLoops(system, settings, _world.LoopConfig);
        _loader.LoadAll(Modules, settings);
    }

    /// <summary>The settings.</summary>
    public UffdSettings Settings { get; }

    internal ActorSystem System => _system;

    /// <summary>The loaded memory modules.</summary>
    public ModuleTable Modules { get; }

    /// <summary>Which native memory of this process can be read.</summary>
    internal Handling.ReadableMemory Memory { get; } = new();

    /// <summary>Starts a runtime with an actor system of its own.</summary>
    /// <param name="config">Configuration over the reference; null for none.</param>
    /// <exception cref="UffdConfigurationException">The configuration means nothing.</exception>
    /// <exception cref="ModuleException">A module cannot be loaded.</exception>
    public static UffdRuntime Start(Config? config = null)
    {
        UffdSettings settings = UffdSettings.Load(config);
        ActorSystem system;
        try
        {
            system = ActorSystem.Create("uffd", settings.Config);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new UffdConfigurationException(
                $"The actor system does not start with this configuration: {AkkaRefusal.Text(e, config)}.", e);
        }

        if (!settings.IsStepped) _ = SchedulerStart.Begin(system);
        try
        {
            return new UffdRuntime(system, ownsSystem: true, settings);
        }
        catch
        {
            _ = system.Terminate();
            throw;
        }
    }

    /// <summary>
    /// Starts a runtime on whichever dispatcher the configuration says, lets code use it, and disposes of it. On the stepped dispatcher
    /// everything happens on the calling thread.
    /// </summary>
    /// <param name="config">Configuration over the reference; null for none.</param>
    /// <param name="body">The code.</param>
    /// <param name="seed">
    /// Seed of a random order of the steps on the stepped dispatcher; null for first come, first served. Unused on other dispatchers.
    /// </param>
    /// <exception cref="UffdConfigurationException">The configuration means nothing.</exception>
    /// <exception cref="ModuleException">A module cannot be loaded.</exception>
    public static async Task<T> UseAsync<T>(Config? config, Func<UffdRuntime, Task<T>> body, ulong? seed = null)
    {
        ArgumentNullException.ThrowIfNull(body);
        if (UffdSettings.Load(config).IsStepped)
        {
            using SteppedHost host = new(config);
            if (seed is { } drawn) host.Loop.Policy = new RandomPolicy(drawn);
            return host.Run(() => body(host.Runtime));
        }

        UffdRuntime runtime = Start(config);
        T result;
        try
        {
            result = await body(runtime);
        }
        catch
        {
            try
            {
                await runtime.DisposeAsync();
            }
            catch (TimeoutException)
            {
                // What the body has ended with says why; that actors are still in a turn follows from it.
            }

            throw;
        }

        await runtime.DisposeAsync();
        return result;
    }

    /// <summary>
    /// Starts a runtime in an actor system of the embedder's, which stays the embedder's. The reference configuration is added to it as a
    /// fallback.
    /// </summary>
    /// <exception cref="UffdConfigurationException">The configuration means nothing.</exception>
    /// <exception cref="ModuleException">A module cannot be loaded.</exception>
    public static UffdRuntime Borrow(ActorSystem system)
    {
        ArgumentNullException.ThrowIfNull(system);
        // The system's own akka settings are above it and win.
        system.Settings.InjectTopLevelFallback(UffdSettings.Reference);
        return new UffdRuntime(system, ownsSystem: false, UffdSettings.Read(system.Settings.Config, isOwn: false));
    }

    /// <summary>Makes a VM: a machine with memory, and an empty address space.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="ObjectDisposedException">The runtime has been disposed of.</exception>
    /// <exception cref="UffdConfigurationException">A CPU that is asked for is not there.</exception>
    /// <exception cref="VmFailedException">The actor system that was lent to the runtime has been terminated by its owner.</exception>
    public async Task<UffdVm> CreateVmAsync(VmOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.ThrowIfOutOfRange();
        if (options.VcpuCpu is { } cpu) VmLoops.ThrowIfNotAvailable(cpu, $"{nameof(VmOptions)}.{nameof(VmOptions.VcpuCpu)}");
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate) ObjectDisposedException.ThrowIf(_disposed, this);
        LoopPlace place = _loops.Take(options.Cpu);
        UffdVm vm;
        try
        {
            vm = NewVm(options, place);
        }
        catch (Exception e)
        {
            _loops.Leave(place, isEmpty: true);
            // A system that ends takes no new actors.
            if (e is InvalidOperationException && HasLostSystem) throw new VmFailedException(VmRoot.SystemIsGone, e);
            throw;
        }

        bool late;
        lock (_gate)
        {
            late = _disposed;
            _vms.Add(vm);
        }

        try
        {
            ObjectDisposedException.ThrowIf(late, this);
            await vm.StartedAsync(cancellationToken);
            return vm;
        }
        catch
        {
            await vm.DisposeAsync();
            throw;
        }
    }

    // Calls see its end at once, before the last actor is gone.
    private bool HasLostSystem =>
        !_ownsSystem && (_system.WhenTerminated.IsCompleted || CoordinatedShutdown.Get(_system).ShutdownReason is not null);

    private UffdVm NewVm(VmOptions options, LoopPlace place)
    {
        int name = VmNumbers.Of(_system).Next();
        IncidentLog incidents = new(Settings.IncidentCapacity);
        GuardedObserver<Incident>? observer = options.IncidentObserver is { } told
            ? new GuardedObserver<Incident>($"{nameof(VmOptions)}.{nameof(VmOptions.IncidentObserver)}", told, incidents)
            : null;
        incidents.Observer = incident =>
        {
            UffdMeter.Count($"vm-{name}", incident.Kind);
            observer?.Tell(incident);
        };
        string dispatcher = place.Dispatcher;
        // A dispatcher that brings its own clock announces it when it is made.
        try
        {
            _ = _system.Dispatchers.Lookup(dispatcher);
        }
        catch (Exception e) when (e is not (InvalidOperationException or UffdConfigurationException or OutOfMemoryException))
        {
            throw new UffdConfigurationException($"{dispatcher} cannot be used: {AkkaRefusal.Text(e, Settings.Config)}.", e);
        }

        VmContext context = new($"vm-{name}", dispatcher, RingTimes.Of(_system).For(dispatcher), incidents)
        {
            Probe = options.Probe,
            SplitsTurns = options.SplitTurns,
        };
        UffdVm vm = new(this, new VmRoot(_system, Settings, Modules, context), _world, options, place);
        if (place.Loop is not null)
            context.PushLoop = new Lazy<LoopPlace>(() =>
            {
                LoopPlace beside = _loops.Beside(place);
                beside.Loop!.Failed += vm.OnLoopFailed;
                return beside;
            });
        return vm;
    }

    /// <summary>The VMs that have not been disposed of.</summary>
    internal UffdVm[] Vms()
    {
        lock (_gate) return [.. _vms];
    }

    /// <summary>Unloads a memory module.</summary>
    /// <exception cref="ModuleException">A mapping uses it, or there is none of that name.</exception>
    public void UnloadModule(string name)
    {
        UffdVm[] vms = Vms();
        Modules.Unload(name, module => vms.Any(vm => vm.Uses(module)));
        _loader.Unloaded(name);
    }

    /// <summary>Disposes of the VMs, and of the actor system if it is the runtime's own. May be called any number of times.</summary>
    /// <exception cref="TimeoutException">
    /// A VM, or the actor system, did not stop in time; everything else has been disposed of all the same.
    /// </exception>
    public async ValueTask DisposeAsync()
    {
        UffdVm[] vms;
        lock (_gate)
        {
            _disposed = true;
            vms = [.. _vms];
        }

        TimeoutException? late = null;
        foreach (UffdVm vm in vms)
        {
            try
            {
                await vm.DisposeAsync();
            }
            catch (TimeoutException e)
            {
                late ??= e;
            }
        }

        try
        {
            await EndSystemAsync();
        }
        catch (TimeoutException e)
        {
            late ??= new TimeoutException($"The actor system did not end within {Settings.CloseTimeout}: an actor is still in a turn.", e);
        }

        _loops.Stop();
        await _world.DisposeAsync();
        if (late is not null) throw late;
    }

    private async Task EndSystemAsync()
    {
        if (!_ownsSystem) return;
        Task terminated = _system.Terminate();
        if (SteppedLoops.Of(_system).Loop is { } loop) loop.RunToEnd(terminated);
        else await terminated.WaitAsync(Settings.CloseTimeout);
    }

    internal void Forget(UffdVm vm)
    {
        lock (_gate) _ = _vms.Remove(vm);
        // The next VM may have its loop, and its CPU.
        _loops.Leave(vm.LoopPlace, vm.Root.HasEnded);
    }

}
