using System.Reflection;
using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch;

namespace UffdActors.Dispatch;

/// <summary>
/// Gives VMs their dispatchers: a fault loop each, or a lane of one of a few that they share (<c>loops</c>), or one for all that the
/// configuration names. Dispatchers of VMs that have ended are used again, for Akka forgets none.
/// </summary>
/// <remarks>Any thread.</remarks>
/// <param name="system">Knows the dispatchers.</param>
/// <param name="settings">The runtime's settings.</param>
/// <param name="worldsConfig">What a fault loop of the runtime's world needs in its configuration.</param>
internal sealed class VmLoops(ActorSystem system, UffdSettings settings, Config worldsConfig)
{
    private readonly Lock _gate = new();
    private readonly HashSet<int> _numbers = [];
    private readonly List<LoopPlace> _free = [];
    private readonly List<Shared> _shared = [];
    private readonly Dictionary<string, LoopPlace> _beside = [];

    /// <summary>A place for a VM.</summary>
    /// <param name="cpu">CPU that its loop is to be bound to, and then it has one of its own; null for what the configuration says.</param>
    /// <exception cref="UffdConfigurationException">A CPU is not there, or a setting means nothing.</exception>
    public LoopPlace Take(int? cpu)
    {
        string id = settings.Dispatcher;
        Config config = settings.Config.GetConfig(id);
        lock (_gate)
        {
            if (!config.GetBoolean("per-vm", false)) return new LoopPlace(id, null, -1, NextNumber());
            int loops = cpu is null ? LoopsOf(id, config) : 0;
            return loops > 0 ? TakeLane(id, config, loops) : TakeLoop(id, config, cpu);
        }
    }

    /// <summary>The VM has ended.</summary>
    /// <param name="place">Its place.</param>
    /// <param name="isEmpty">Nothing of it runs there any more; else no other VM has the place.</param>
    public void Leave(LoopPlace place, bool isEmpty)
    {
        lock (_gate)
        {
            if (place.Loop is LoopLane lane) _shared[place.Number].Vms--;
            else _ = _numbers.Remove(place.Number);
            if (isEmpty && place.Loop is not null) _free.Add(place);
        }
    }

    /// <summary>
    /// A loop beside that of a VM, for its pushes, which must not delay demands. It goes with the place, so it is made once.
    /// </summary>
    public LoopPlace Beside(LoopPlace place)
    {
        lock (_gate)
        {
            if (_beside.TryGetValue(place.Dispatcher, out LoopPlace? made)) return made;
            string id = settings.Dispatcher;
            Config config = settings.Config.GetConfig(id);
            string own = $"{place.Dispatcher}-push";
            // It polls nothing.
            Config its = ConfigurationFactory.ParseString("is-apart = on\nwaiter = \"\"").WithFallback(ConfigOf(id, own, -1, config));
            Register(own, () => (MessageDispatcherConfigurator)Activator.CreateInstance(
                TypeOf(id, config), its, system.Dispatchers.Prerequisites)!);
            LoopPlace beside = new(own, (VmLoop)RingTimes.Of(system).For(own), -1, place.Number);
            _beside.Add(place.Dispatcher, beside);
            return beside;
        }
    }

    /// <summary>All VMs have ended: the threads that they have shared end.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            foreach (Shared shared in _shared) shared.Loop.Stop();
        }
    }

    private LoopPlace TakeLoop(string id, Config config, int? cpu)
    {
        int number = NextNumber();
        try
        {
            int first = cpu ?? config.GetInt("cpu", -1);
            int bound = cpu is not null || first < 0 ? first : first + number;
            if (bound >= 0) ThrowIfNotAvailable(bound, cpu is null ? $"{id}.cpu" : "VmOptions.Cpu");
            if (TryTakeFree(p => p.Loop is FaultLoop && p.Cpu == bound) is { } free) return free with { Number = number };
            string own = NewId(id);
            Type type = TypeOf(id, config);
            Register(own, () => (MessageDispatcherConfigurator)Activator.CreateInstance(
                type, ConfigOf(id, own, bound, config), system.Dispatchers.Prerequisites)!);
            return new LoopPlace(own, RingTimes.Of(system).For(own) as VmLoop, bound, number);
        }
        catch
        {
            _ = _numbers.Remove(number);
            throw;
        }
    }

    private LoopPlace TakeLane(string id, Config config, int loops)
    {
        if (!TypeOf(id, config).IsAssignableTo(typeof(FaultLoopDispatcherConfigurator)))
            throw new UffdConfigurationException($"{id}.loops = {loops}: only fault loops can be shared.");
        if (_shared.Count < loops && _shared.All(s => s.Vms > 0)) AddShared(id, config);
        int number = 0;
        for (int i = 1; i < _shared.Count; i++)
        {
            if (_shared[i].Vms < _shared[number].Vms) number = i;
        }

        Shared shared = _shared[number];
        LoopPlace place = TryTakeFree(p => p.Loop is LoopLane lane && lane.Loop == shared.Loop) ?? NewLane(id, config, shared, number);
        shared.Vms++;
        return place;
    }

    private LoopPlace NewLane(string id, Config config, Shared shared, int number)
    {
        string own = NewId(id);
        Config its = ConfigOf(id, own, shared.Cpu, config);
        LoopLane lane = new(shared.Loop, FaultLoopSettings.From(its));
        Register(own, () => new LoopLaneDispatcher.Maker(own, its, system.Dispatchers.Prerequisites, lane));
        RingTimes.Of(system).Add(own, lane);
        return new LoopPlace(own, lane, shared.Cpu, number);
    }

    private void AddShared(string id, Config config)
    {
        int first = config.GetInt("cpu", -1);
        int bound = first < 0 ? -1 : first + _shared.Count;
        if (bound >= 0) ThrowIfNotAvailable(bound, $"{id}.cpu");
        string name = NewId(id);
        _shared.Add(new Shared(
            FaultLoopDispatcherConfigurator.NewLoop(name, ConfigOf(id, name, bound, config), system.Dispatchers.Prerequisites), bound));
    }

    private LoopPlace? TryTakeFree(Predicate<LoopPlace> suits)
    {
        int found = _free.FindIndex(suits);
        if (found < 0) return null;
        LoopPlace place = _free[found];
        _free.RemoveAt(found);
        return place;
    }

    private int NextNumber()
    {
        int number = 0;
        while (!_numbers.Add(number)) number++;
        return number;
    }

    // Of all runtimes that have used the actor system.
    private string NewId(string id) => FormattableString.Invariant($"{id}-{RingTimes.Of(system).NextNumber()}");

    // The id stays that of the section: Akka looks the mailbox type up by it.
    private Config ConfigOf(string id, string name, int cpu, Config config) =>
        ConfigurationFactory.ParseString(FormattableString.Invariant($"id = \"{id}\"\nname = \"{name}\"\ncpu = {cpu}"))
            .WithFallback(worldsConfig).WithFallback(config);

    private void Register(string id, Func<MessageDispatcherConfigurator> make)
    {
        try
        {
            _ = system.Dispatchers.RegisterConfigurator(id, make());
        }
        catch (TargetInvocationException e)
        {
            throw new UffdConfigurationException($"{settings.Dispatcher} cannot be used: {e.InnerException!.Message}", e.InnerException);
        }
    }

    private static Type TypeOf(string id, Config config)
    {
        string name = config.GetString("type", "");
        return Type.GetType(name) is { } type && type.IsAssignableTo(typeof(MessageDispatcherConfigurator))
            ? type
            : throw new UffdConfigurationException($"{id}.type = {name}: there is no such {nameof(MessageDispatcherConfigurator)}.");
    }

    private static int LoopsOf(string id, Config config)
    {
        int loops = config.GetInt("loops", 0);
        return loops >= 0
            ? loops
            : throw new UffdConfigurationException(
                FormattableString.Invariant($"{id}.loops = {loops}: write how many loops all VMs share, or 0 for one each."));
    }

    /// <summary>Holds that a CPU can be used.</summary>
    /// <exception cref="UffdConfigurationException">It is not there.</exception>
    public static void ThrowIfNotAvailable(int cpu, string setting)
    {
        if (!CpuPlacement.IsAvailable(cpu))
            throw new UffdConfigurationException(
                $"CPU {cpu} is not available to this process; set \"{setting}\" to one that is, or to "
                + $"{(setting.EndsWith(".cpu", StringComparison.Ordinal) ? "-1" : "null")}.");
    }

    /// <summary>A loop that VMs share.</summary>
    private sealed class Shared(FaultLoop loop, int cpu)
    {
        public FaultLoop Loop { get; } = loop;

        public int Cpu { get; } = cpu;

        public int Vms { get; set; }
    }
}
