using Akka.Actor;
using UffdActors.Abi;
using UffdActors.Actors;
using UffdActors.Dispatch.Stepping;
using UffdActors.Explore.Faults;
using UffdActors.Explore.Oracles;
using UffdActors.Explore.Policies;
using UffdActors.Explore.Scenarios;
using UffdActors.Explore.Scenes;
using UffdActors.Handling;
using UffdActors.Model.Inputs;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;

namespace UffdActors.Explore.Runs;

/// <summary>
/// One run: sets the scenario up, starts its threads, makes one step after the other in the order that is chosen, and checks the oracles
/// after each.
/// </summary>
internal sealed class ScenarioRun
{
    private const int MostSteps = 6000;
    private const int MostTimers = 400;
    private const int MostRecoveries = 8;

    private readonly RunHost _host;
    private readonly RunRequest _request;
    private readonly RunScene _scene;
    private readonly RunRecord _record;
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

    public ScenarioRun(RunHost host, RunRequest request)
    {
        _host = host;
        _request = request;
        _scene = new RunScene(host);
        _record = new RunRecord(host, _scene);
        _oracle = new RunOracle(_record);
        _words = new MessageWords(_scene.NameOf, host.Layout);
        _spin = new SpinWatch(_record);
        if (request.HasReference && SequentialReference.Covers(host.Scenario)) _reference = new SequentialReference(_record);
        _running = new Operation?[_scene.Threads.Length];
        _next = new int[_scene.Threads.Length];
        _began = new int[_scene.Threads.Length];
        _calls = new TaskCompletionSource<Operation>?[_scene.Threads.Length];
        _mayCrash = host.Scenario.Faults.Any(OwnerCrash.Points.Contains);
    }

    private Scenario Scenario => _host.Scenario;

    public RunResult Execute()
    {
        Prepare();
        int steps = Steps();
        // The thread of a forked child that still sleeps after the process has ended.
        _children.AddRange(_forks.Select(f => f.Child).OfType<AddressSpace>().Except(_children).ToArray());
        Violation? violation = _record.Violation;
        if (violation is null && _host.Failure is null && _isAtRest)
        {
            _oracle.AtRest(_step, _children);
            _reference?.AtRest(_step);
        }

        violation ??= _record.Violation;
        if (violation is null && _host.Failure is null)
        {
            _host.Order.Policy = new FifoOrder();
            _host.Order.Chosen = null;
            _host.Loop.Policy = new FifoPolicy();
            _scene.End(_children);
            _reference?.End(_step);
            if (_isAtRest) _oracle.AfterEnd(_step);
            violation = _record.Violation;
            _host.Pool.Reclaim();
            _host.Loop.Rewind();
        }

        return new RunResult(violation, _hash, steps, _isAtRest && !_scene.HasReapedCalls);
    }

    private void Prepare()
    {
        _host.Faults.Disarm();
        _host.Loop.Policy = new FifoPolicy();
        _host.Wire.Tell(WireActor.Reset.Instance, ActorRefs.NoSender);
        foreach (ThreadAction action in Scenario.Setup) SetUp(action);
        _reference?.SetUp();
        _scene.Start();
        _scene.Service.StartPushes();
        _oracle.Begin();

        if (_request.Choices is { } given) _host.Choices.Replay(given);
        else _host.Choices.Begin(_request.Seed);
        _host.Faults.Begin(Scenario.Faults);
        _host.HandlerAt = HandlerAt;
        _host.CallBegun = call => _reference?.Begin(call);
        _host.AliasWritten = (address, bytes, length) => _reference?.AliasWritten(address, bytes, length);
        _host.Overtaken = order =>
        {
            // Where the page is now: its part may have moved since the order was made.
            long last = order.FirstPage + order.Pages - _host.Layout.UnitPages;
            foreach (FaultReader? reader in _scene.Service.Readers)
            {
                if (reader?.View.FindPart(order.Region, last) is { } part) Race(PageSize.AddressOf(part.Base + last));
            }
        };
        _host.Finished = OnFinished;
        _host.Order.Policy = _request.Policy;
        _host.Order.Begin();
        _host.Order.Chosen = message =>
        {
            _at = (message as Operation)?.At;
            if (message is VmProtocol.Call call) _taken.Add(call.Completion);
            LeaveIfEnding(message);
            _spin.Before(message);
            _reference?.Before(message);
        };
        _host.Loop.Policy = _host.Order;
        _unfinished = _scene.Threads.Length;
        for (int i = 0; i < _scene.Threads.Length; i++) BeginNext(i);
    }

    private void SetUp(ThreadAction action)
    {
        Operation call = ThreadScript.Begin(_host.Parts, _host.Content, _scene, _scene.Main, action, PageContent.OfWrite(0xFF, 0));
        _ = _scene.Do(call);
        if (!call.IsFinished)
            throw new ScenarioException(
                $"Scenario {Scenario.Name} cannot be set up: \"{action.Format(Scenario)}\" sleeps, and no handler or thread runs yet "
                    + $"that could wake it.");
    }

    private int Steps()
    {
        int oneIn = _request.Policy.TimeoutsOneIn;
        while (true)
        {
            if (_step >= MostSteps || _timers >= MostTimers)
            {
                string bound = _step >= MostSteps ? $"{MostSteps} steps" : $"{MostTimers} time-outs";
                if (Scenario.MustFinish) _record.Fail("finishes", $"after {bound} the run is not over: {Unfinished()}", _step);
                break;
            }

            if (_host.Loop.HasTimers && _unfinished > 0 && _host.Choices.OneIn(oneIn))
            {
                PassTime();
                continue;
            }

            _host.Order.StepNumber = _step;
            _oracle.BeforeStep();
            if (!_host.Loop.Step())
            {
                // Calls that waited for the reader of their event end with the process, and still have turns to run.
                if (!_scene.Mm.IsAlive && _scene.Reap()) continue;
                _oracle.AtQuiet(_step);
                if (_record.Violation is not null) break;
                _isAtRest = _unfinished == 0 && !_host.Loop.HasTimers;
                if (_isAtRest) break;
                if (_unfinished > 0 && _scene.Service.HasPaused && _recoveries++ < MostRecoveries)
                {
                    _scene.Service.Recover();
                    continue;
                }

                if (PassTime()) continue;
                if (_unfinished > 0 && LeaveAsleep())
                {
                    _isAtRest = true;
                    break;
                }

                if (Scenario.MustFinish) _record.Fail("finishes", $"nothing is left to run, and {Unfinished()}", _step);
                break;
            }

            _step++;
            object? message = _host.Order.Message;
            _host.Coverage.Reached(_host.Names.NumberOf(message), _oracle.StateBefore(message));
            _hash.Add((ulong)_host.Order.Label);
            _hash.Add(_host.Names.HashOf(_host.Order.Message));
            string changes = _oracle.AfterStep(_step, ref _hash, _request.Observer is not null);
            if (_mayCrash) TakeCallsAndCrash();
            if (Scenario.MustFinish) _spin.After(_step, _oracle.Changes + _host.Faults.Happened);
            _reference?.After(_step);
            _request.Observer?.Stepped(
                _step,
                _host.Order.Label >= 0 ? _scene.Names[_host.Order.Label] : "vm",
                message,
                _words.Of(message),
                changes);
            if (_record.Violation is not null) break;
            if (_host.Failure is { } failure)
            {
                if (_crash is not null)
                {
                    new FailClosed(_record).Check(_taken, _step);
                    break;
                }

                _record.Fail("vm-lives", $"the VM failed closed: {ForeignText.Of(failure)}", _step);
                break;
            }
        }

        return _step;
    }

    /// <summary>
    /// After each step of a run with crashing owners: handles calls that have ended, and may crash the owner that has just had its turn.
    /// </summary>
    private void TakeCallsAndCrash()
    {
        for (int i = 0; i < _calls.Length; i++)
        {
            if (_calls[i] is { Task.IsCompletedSuccessfully: true } call) OnFinished(call.Task.GetAwaiter().GetResult());
        }

        if (_crash is not null || OwnerCrash.PointOf(_at) is not { } point || !_host.Faults.Hits(point)) return;
        _crash = new OwnerCrash(_scene.Main, _at!, point);
        _crash.Step();
    }

    /// <summary>Ends the actions of threads that sleep where an incident has reported them: nothing will wake these.</summary>
    /// <returns>False if an unfinished thread sleeps elsewhere.</returns>
    private bool LeaveAsleep()
    {
        foreach (Operation? running in _running)
        {
            if (running is not null && !(AccessOf(running) is { } access && _scene.IsLeftAsleep(access, _record.Incidents))) return false;
        }

        foreach (Operation? running in _running)
        {
            if (running is not null) _scene.Withdraw(AccessOf(running)!);
        }

        Array.Clear(_running);
        _unfinished = 0;
        return true;
    }

    // A COPY from memory that is missing sleeps in an access of its own.
    private static Access? AccessOf(Operation running) => running as Access ?? (running as Fill)?.SourceAccess;

    private bool PassTime()
    {
        if (!_host.Loop.FireNextTimer()) return false;
        _timers++;
        _spin.Clear();
        _hash.Add(0x71AE);
        _request.Observer?.Stepped(_step, "time", null, $"{_host.Loop.Now / 1000} us", "");
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
        Caller caller = _scene.Threads[thread];
        if (action.Kind == ActionKind.ReadChild)
        {
            if (_children.Count == 0)
            {
                _next[thread]++;
                BeginNext(thread);
                return;
            }

            if (_child?.Mm != _children[^1]) _child = _scene.NewChild(_children[^1]);
            caller = _child!;
        }

        ulong value = PageContent.OfWrite(thread, _next[thread]);
        Operation operation = ThreadScript.Begin(_host.Parts, _host.Content, _scene, caller, action, value);
        if (_request.Observer is not null) MessageWords.Name(operation, action.Describe(Scenario));
        _oracle.Began(thread, action);
        _reference?.Begin(thread, action, operation, value);
        if (operation is ForkProcess fork) _forks.Add(fork);
        _running[thread] = operation;
        _began[thread] = _step;
        _calls[thread] = _mayCrash ? new TaskCompletionSource<Operation>() : null;
        // As an embedder's call, whose task fails with the VM.
        if (_calls[thread] is { } completion)
            ((ActorPort)caller.Port).Self.Tell(new VmProtocol.Call(operation, completion), ActorRefs.NoSender);
        else caller.Port.Send(operation);
    }

    /// <summary>
    /// The process ends with the call's first turn, which comes at any moment of the run: the actions of the other threads are abandoned.
    /// </summary>
    private void LeaveIfEnding(object? message)
    {
        if (_isEnding || (message as Operation ?? (message as VmProtocol.Call)?.Operation) is not ExitProcess exit) return;
        int thread = Array.FindIndex(_running, running => ReferenceEquals(running, exit));
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
        _oracle.Finished(thread, action, operation, _began[thread], _step + 1);
        _hash.Add((ulong)(ThreadScript.ErrorOf(operation) ?? 0));
        _next[thread]++;
        BeginNext(thread);
    }

    private void HandlerAt(HandlerPoint point, PageRequest request)
    {
        FaultPlan faults = _host.Faults;
        if (point == HandlerPoint.AfterRead && faults.Hits(FaultPoint.RacingResolver)) Race(request.Address);
        if (point == HandlerPoint.AfterRead && faults.Hits(FaultPoint.SpuriousWake))
            new Wake(_scene.Main, _scene.Contexts[ServerOf(request.Address)], request.Address, (ulong)_host.Layout.PageBytes).Step();
        if (point == HandlerPoint.AfterFillSent && faults.Hits(FaultPoint.ChangeBurst))
        {
            int context = ServerOf(request.Address);
            _scene.Contexts[context].BeginChange();
            _scene.Contexts[context].EndChange();
            _reference?.ChangeBurst(context);
        }

        FaultPoint crash = point switch
        {
            HandlerPoint.AfterRead => FaultPoint.CrashAfterRead,
            HandlerPoint.AfterFillSent => FaultPoint.CrashAfterFill,
            _ => FaultPoint.CrashOnAnswer,
        };
        if (faults.Hits(crash)) throw new HandlerCrashException(crash);
    }

    /// <summary>Another resolver fills the page that is about to be filled, with the same content, and does not wake.</summary>
    private void Race(ulong address)
    {
        int context = ServerOf(address);
        // The content is decided by the reader's view: a page that was moved keeps its content.
        if (_scene.Service.Readers[context]?.View is not { } view || view.Find(PageSize.PageOf(address)) is not { } served) return;
        // A region registered for write protection only is not filled.
        RegisterModes modes = Scenario.Contexts[context].Registered.First(r => r.Region == served.Id).Modes;
        if ((modes & (RegisterModes.Missing | RegisterModes.Minor)) == 0) return;
        // Nor is one whose page cache has its content already.
        if (served is { By: ResolveBy.ContinueAsIs, CopiesHoles: false }) return;
        int page = (int)served.PageOf(PageSize.PageOf(address)) / _host.Layout.UnitPages;
        if (view.IsRemoved(PageSize.PageOf(address)) || _host.Content.OfSource(served.Id, page) == 0) return;
        FillSource source = FillSource.Buffer(_host.Content.AddressOf(served.Id, page));
        Fill rogue = _host.Parts.NewFill(_scene.Main);
        rogue.Begin(_scene.Contexts[context], FillKind.Copy, address, (ulong)_host.Layout.PageBytes, source, FillModes.DontWake);
        // Decided in this turn, as every fill of the ring is (RING R9); the rest of it takes its own turns.
        rogue.Step();
    }

    /// <summary>The context whose handlers serve an address; the first one if none does.</summary>
    private int ServerOf(ulong address)
    {
        int context = Array.FindIndex(_scene.Service.Readers, r => r?.View.Find(PageSize.PageOf(address)) is not null);
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
