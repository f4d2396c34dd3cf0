using Akka.Actor;
using UffdActors.Abi;
using UffdActors.Actors;
using UffdActors.Dispatch.Stepping;
using UffdActors.Explore.Faults;
using UffdActors.Explore.Oracles;
using UffdActors.Explore.Policies;
using UffdActors.Explore.Scenarios;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;

namespace UffdActors.Explore.Worlds;

/// <summary>
/// One run: sets the scenario up, lets its threads go, makes one step after the other in the order that is chosen, and asks the oracles
/// after each.
/// </summary>
internal sealed class ScenarioRun
{
    private const int MostSteps = 6000;
    private const int MostTimers = 400;
    private const int MostRecoveries = 8;

    private readonly ExploreWorld _world;
    private readonly RunRequest _request;
    private readonly RunWorld _run;
    private readonly RunOracle _oracle;
    private readonly MessageWords _words;
    private readonly SequentialReference? _reference;
    private readonly SpinWatch _spin;
    private readonly Operation?[] _running;
    private readonly int[] _next;
    private readonly int[] _began;
    private readonly List<AddressSpace> _children = [];
    private readonly List<ForkProcess> _forks = [];
    private Caller? _child;
    private bool _isEnding;
    private bool _isAtRest;
    private TraceHash _hash;
    private int _step;
    private int _timers;
    private int _unfinished;
    private int _recoveries;
    private OwnerCrash? _crash;
    private readonly TaskCompletionSource<Operation>?[] _calls;
    private readonly List<TaskCompletionSource<Operation>> _taken = [];
    private readonly bool _mayCrash;
    private Owner? _at;

    public ScenarioRun(ExploreWorld world, RunRequest request)
    {
        _world = world;
        _request = request;
        _run = new RunWorld(world);
        _oracle = new RunOracle(world, _run);
        _words = new MessageWords(_run.NameOf, world.Layout);
        _spin = new SpinWatch(_run, _oracle);
        if (request.HasReference && SequentialReference.Covers(world.Scenario)) _reference = new SequentialReference(world, _run, _oracle);
        _running = new Operation?[_run.Threads.Length];
        _next = new int[_run.Threads.Length];
        _began = new int[_run.Threads.Length];
        _calls = new TaskCompletionSource<Operation>?[_run.Threads.Length];
        _mayCrash = world.Scenario.Faults.Any(OwnerCrash.Points.Contains);
    }

    private Scenario Scenario => _world.Scenario;

    public RunResult Execute()
    {
        Prepare();
        int steps = Steps();
        // The child of a fork that the end of its process has left asleep.
        _children.AddRange(_forks.Select(f => f.Child).OfType<AddressSpace>().Except(_children).ToArray());
        Violation? violation = _oracle.Violation;
        if (violation is null && _world.Failure is null && _isAtRest)
        {
            _oracle.AtRest(_step, _children);
            _reference?.AtRest(_step);
        }

        violation ??= _oracle.Violation;
        if (violation is null && _world.Failure is null)
        {
            _world.Order.Policy = new FifoOrder();
            _world.Order.Chosen = null;
            _world.Loop.Policy = new FifoPolicy();
            _run.End(_children);
            _reference?.End(_step);
            if (_isAtRest) _oracle.AfterEnd(_step);
            violation = _oracle.Violation;
            _world.Pool.Reclaim();
            _world.Loop.Rewind();
        }

        return new RunResult(violation, _hash, steps, _isAtRest && !_run.HasReapedCalls);
    }

    private void Prepare()
    {
        _world.Faults.Disarm();
        _world.Loop.Policy = new FifoPolicy();
        _world.Wire.Tell(WireActor.Reset.Instance, ActorRefs.NoSender);
        foreach (ThreadAction action in Scenario.Setup) SetUp(action);
        _reference?.SetUp();
        _run.Start();
        _run.StartPushes();
        _oracle.Begin();

        if (_request.Choices is { } given) _world.Choices.Replay(given);
        else _world.Choices.Begin(_request.Seed);
        _world.Faults.Begin(Scenario.Faults);
        _world.HandlerAt = HandlerAt;
        _world.CallBegun = call => _reference?.Begin(call);
        _world.AliasWritten = (address, bytes, length) => _reference?.AliasWritten(address, bytes, length);
        _world.Overtaken = order =>
        {
            // Where the page is now: its part may have moved since the order was made.
            long last = order.FirstPage + order.Pages - _world.Layout.UnitPages;
            foreach (FaultReader? reader in _run.Readers)
            {
                if (reader?.View.FindPart(order.Region, last) is { } part) Race(PageSize.AddressOf(part.Base + last));
            }
        };
        _world.Finished = OnFinished;
        _world.Order.Policy = _request.Policy;
        _world.Order.Begin();
        _world.Order.Chosen = message =>
        {
            _at = (message as Operation)?.At;
            if (message is VmProtocol.Call call) _taken.Add(call.Completion);
            _spin.Before(message);
            _reference?.Before(message);
        };
        _world.Loop.Policy = _world.Order;
        _unfinished = _run.Threads.Length;
        for (int i = 0; i < _run.Threads.Length; i++) BeginNext(i);
    }

    private void SetUp(ThreadAction action)
    {
        Operation call = ThreadScript.Begin(_world.Parts, _world.Content, _run, _run.Main, action, PageContent.OfWrite(0xFF, 0));
        _ = _run.Do(call);
        if (!call.IsFinished)
            throw new ScenarioException(
                $"Scenario {Scenario.Name} cannot be set up: \"{action.Format(Scenario)}\" sleeps, and nobody is there yet who would "
                    + $"wake it.");
    }

    private int Steps()
    {
        int oneIn = _request.Policy.TimeoutsOneIn;
        while (true)
        {
            if (_step >= MostSteps || _timers >= MostTimers)
            {
                string bound = _step >= MostSteps ? $"{MostSteps} steps" : $"{MostTimers} time-outs";
                if (Scenario.MustFinish) _oracle.Fail("finishes", $"after {bound} the run is not over: {Unfinished()}", _step);
                break;
            }

            if (_world.Loop.HasTimers && _unfinished > 0 && _world.Choices.OneIn(oneIn))
            {
                PassTime();
                continue;
            }

            _world.Order.StepNumber = _step;
            _oracle.BeforeStep();
            if (!_world.Loop.Step())
            {
                // Calls that waited for a reader end with the process, and have something to do yet.
                if (!_run.Mm.IsAlive && _run.Reap()) continue;
                _oracle.AtQuiet(_step);
                if (_oracle.Violation is not null) break;
                _isAtRest = _unfinished == 0 && !_world.Loop.HasTimers;
                if (_isAtRest) break;
                if (_unfinished > 0 && _run.HasPaused && _recoveries++ < MostRecoveries)
                {
                    _run.Recover();
                    continue;
                }

                if (PassTime()) continue;
                if (_unfinished > 0 && LeaveAsleep())
                {
                    _isAtRest = true;
                    break;
                }

                if (Scenario.MustFinish) _oracle.Fail("finishes", $"nothing is left to run, and {Unfinished()}", _step);
                break;
            }

            _step++;
            object? message = _world.Order.Message;
            _world.Coverage.Reached(_world.Names.NumberOf(message), _oracle.StateBefore(message));
            _hash.Add((ulong)_world.Order.Label);
            _hash.Add(_world.Names.HashOf(_world.Order.Message));
            string changes = _oracle.AfterStep(_step, ref _hash, _request.Observer is not null);
            if (_mayCrash) TakeCallsAndCrash();
            if (Scenario.MustFinish) _spin.After(_step, _oracle.Changes + _world.Faults.Happened);
            _reference?.After(_step);
            _request.Observer?.Stepped(
                _step,
                _world.Order.Label >= 0 ? _run.Names[_world.Order.Label] : "vm",
                message,
                _words.Of(message),
                changes);
            if (_oracle.Violation is not null) break;
            if (_world.Failure is { } failure)
            {
                if (_crash is not null)
                {
                    new FailClosed(_world, _run, _oracle).Check(_taken, _step);
                    break;
                }

                _oracle.Fail("vm-lives", $"the VM failed closed: {failure.Message}", _step);
                break;
            }
        }

        return _step;
    }

    /// <summary>
    /// What a run with crashing owners does after each step: takes up calls that have ended, and may crash the owner whose turn it was.
    /// </summary>
    private void TakeCallsAndCrash()
    {
        for (int i = 0; i < _calls.Length; i++)
        {
            if (_calls[i] is { Task.IsCompletedSuccessfully: true } call) OnFinished(call.Task.GetAwaiter().GetResult());
        }

        if (_crash is not null || OwnerCrash.PointOf(_at) is not { } point || !_world.Faults.Hits(point)) return;
        _crash = new OwnerCrash(_run.Main, _at!, point);
        _crash.Step();
    }

    /// <summary>Threads that sleep where somebody has been told of them have done all that they will.</summary>
    /// <returns>False if one that has not finished is no such thread.</returns>
    private bool LeaveAsleep()
    {
        foreach (Operation? running in _running)
        {
            if (running is not null && !(AccessOf(running) is { } access && _run.IsLeftAsleep(access, _oracle.Incidents))) return false;
        }

        foreach (Operation? running in _running)
        {
            if (running is not null) _run.Withdraw(AccessOf(running)!);
        }

        Array.Clear(_running);
        _unfinished = 0;
        return true;
    }

    // A COPY out of memory that is itself missing sleeps in an access of its own.
    private static Access? AccessOf(Operation running) => running as Access ?? (running as Fill)?.SourceAccess;

    private bool PassTime()
    {
        if (!_world.Loop.FireNextTimer()) return false;
        _timers++;
        _spin.Clear();
        _hash.Add(0x71AE);
        _request.Observer?.Stepped(_step, "time", null, $"{_world.Loop.Now / 1000} us", "");
        return true;
    }

    private void BeginNext(int thread)
    {
        ThreadPlan plan = Scenario.Threads[thread];
        if (_isEnding || _next[thread] == plan.Actions.Length)
        {
            _running[thread] = null;
            _unfinished--;
            return;
        }

        ThreadAction action = plan.Actions[_next[thread]];
        Caller caller = _run.Threads[thread];
        if (action.Kind == ActionKind.ReadChild)
        {
            if (_children.Count == 0)
            {
                _next[thread]++;
                BeginNext(thread);
                return;
            }

            if (_child?.Mm != _children[^1]) _child = _run.NewChild(_children[^1]);
            caller = _child!;
        }

        ulong value = PageContent.OfWrite(thread, _next[thread]);
        Operation operation = ThreadScript.Begin(_world.Parts, _world.Content, _run, caller, action, value);
        if (_request.Observer is not null) MessageWords.Name(operation, action.Describe(Scenario));
        _oracle.Began(thread, action);
        _reference?.Begin(thread, action, operation, value);
        if (operation is ForkProcess fork) _forks.Add(fork);
        _running[thread] = operation;
        _began[thread] = _step;
        if (action.Kind == ActionKind.Exit) LeaveAllBut(thread);
        _calls[thread] = _mayCrash ? new TaskCompletionSource<Operation>() : null;
        // As the embedder's calls are made, which are told when the VM fails.
        if (_calls[thread] is { } completion)
            ((ActorPort)caller.Port).Self.Tell(new VmProtocol.Call(operation, completion), ActorRefs.NoSender);
        else caller.Port.Send(operation);
    }

    /// <summary>The process is about to end: whatever the other threads are at, they will not do anything any more.</summary>
    private void LeaveAllBut(int thread)
    {
        for (int i = 0; i < _running.Length; i++)
        {
            if (i == thread || _running[i] is null) continue;
            _oracle.Left(i, Scenario.Threads[i].Actions[_next[i]], _began[i], MostSteps);
            _running[i] = null;
            _unfinished--;
        }

        _isEnding = true;
    }

    private void OnFinished(Operation operation)
    {
        if (operation is ForkProcess { Child: { } child }) _children.Add(child);
        int thread = Array.FindIndex(_running, running => ReferenceEquals(running, operation));
        if (thread < 0) return;
        ThreadAction action = Scenario.Threads[thread].Actions[_next[thread]];
        _oracle.Finished(thread, action, operation, _began[thread], _step + 1, PageContent.OfWrite(thread, _next[thread]));
        _hash.Add((ulong)(ThreadScript.ErrorOf(operation) ?? 0));
        _next[thread]++;
        BeginNext(thread);
    }

    private void HandlerAt(HandlerPoint point, PageRequest? request)
    {
        FaultPlan faults = _world.Faults;
        if (request is not null && point == HandlerPoint.AfterRead && faults.Hits(FaultPoint.RacingResolver)) Race(request.Address);
        if (request is not null && point == HandlerPoint.AfterRead && faults.Hits(FaultPoint.SpuriousWake))
            new Wake(_run.Main, _run.Contexts[ServerOf(request.Address)], request.Address, (ulong)_world.Layout.PageBytes).Step();
        if (request is not null && point == HandlerPoint.AfterFillSent && faults.Hits(FaultPoint.ChangeBurst))
        {
            int context = ServerOf(request.Address);
            _run.Contexts[context].BeginChange();
            _run.Contexts[context].EndChange();
            _reference?.ChangeBurst(context);
        }

        FaultPoint crash = point switch
        {
            HandlerPoint.AfterRead => FaultPoint.CrashAfterRead,
            HandlerPoint.AfterFillSent => FaultPoint.CrashAfterFill,
            HandlerPoint.OnAnswer => FaultPoint.CrashOnAnswer,
            _ => FaultPoint.CrashOnEvents,
        };
        if (faults.Hits(crash)) throw new HandlerCrashException(crash);
    }

    /// <summary>Another resolver fills the page that is about to be filled, with the same content, and wakes nobody.</summary>
    private void Race(ulong address)
    {
        int context = ServerOf(address);
        // What belongs there is what the reader knows of: a page keeps its content where it moves to.
        if (_run.Readers[context]?.View is not { } view || view.Find(PageSize.PageOf(address)) is not { } served) return;
        // Where only writes are watched nobody brings anything.
        RegisterModes modes = Scenario.Contexts[context].Registered.First(r => r.Region == served.Id).Modes;
        if ((modes & (RegisterModes.Missing | RegisterModes.Minor)) == 0) return;
        // Nor where what the cache has is right as it is.
        if (served is { By: ResolveBy.ContinueAsIs, CopiesHoles: false }) return;
        int page = (int)served.PageOf(PageSize.PageOf(address)) / _world.Layout.UnitPages;
        if (view.IsRemoved(PageSize.PageOf(address)) || _world.Content.OfSource(served.Id, page) == 0) return;
        FillSource source = FillSource.Buffer(_world.Content.AddressOf(served.Id, page));
        Fill rogue = _world.Parts.NewFill(_run.Main);
        rogue.Begin(_run.Contexts[context], FillKind.Copy, address, (ulong)_world.Layout.PageBytes, source, FillModes.DontWake);
        // Decided in this very turn, as every fill of ours is (RING R9); what follows takes its own turns.
        rogue.Step();
    }

    /// <summary>The context whose handlers serve an address; the first one if none does.</summary>
    private int ServerOf(ulong address)
    {
        int context = Array.FindIndex(_run.Readers, r => r?.View.Find(PageSize.PageOf(address)) is not null);
        return Math.Max(context, 0);
    }

    private string Unfinished()
    {
        List<string> waiting = [];
        for (int i = 0; i < _running.Length; i++)
        {
            if (_running[i] is not null)
                waiting.Add($"{Scenario.Threads[i].Name} has not finished \"{Scenario.Threads[i].Actions[_next[i]].Format(Scenario)}\"");
        }

        return waiting.Count == 0 ? "messages are still on their way" : string.Join(", ", waiting);
    }
}
