using UffdActors.Abi;
using UffdActors.Conformance.Programs;
using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Conformance.Replay;

/// <summary>
/// Executes the steps of a program in the model, and returns for each what a recorder on a real kernel would observe.
/// </summary>
internal sealed class ModelExecutor : IProgramState, IDisposable
{
    private const int Main = -1;

    private readonly ModelObjects _objects;
    private readonly StepOperations _operations;
    private readonly ModelObserver _observer;
    private readonly SortedDictionary<int, RunningCall> _running = [];
    private readonly List<RunningCall> _finished = [];

    /// <summary>Makes the initial state of a program: only the source buffers are mapped.</summary>
    /// <param name="header">Where things lie.</param>
    /// <param name="profile">The kernel.</param>
    /// <param name="makeKernel">Makes what runs the program, for its machine; disposed of with the executor.</param>
    public ModelExecutor(TraceHeader header, KernelProfile profile, Func<Machine, IKernel> makeKernel)
    {
        ArgumentNullException.ThrowIfNull(header);
        ArgumentNullException.ThrowIfNull(profile);
        ArgumentNullException.ThrowIfNull(makeKernel);
        _objects = new ModelObjects(header, profile, makeKernel);
        _operations = new StepOperations(_objects);
        _observer = new ModelObserver(_objects);
        _objects.Kernel.Finished += OnFinished;
        new SourceBuffers(_objects).Map();
    }

    /// <summary>Executes a step and returns the observation.</summary>
    public Observation Execute(ProgramStep step)
    {
        ArgumentNullException.ThrowIfNull(step);
        if (step.Op == ProgramOp.Final) return _observer.Final();
        Last = Perform(step);
        Observe(step, Last);
        Executed?.Invoke(step);
        return Last;
    }

    /// <summary>Raised after each step of a program.</summary>
    public event Action<ProgramStep>? Executed;

    /// <summary>Where things lie.</summary>
    public TraceHeader Header => _objects.Header;

    /// <summary>Observation of the latest step.</summary>
    internal Observation Last { get; private set; } = new();

    /// <summary>The contexts of the main process and of its children, in order of creation.</summary>
    internal IReadOnlyList<UserfaultContext> Contexts => _objects.Contexts;

    /// <summary>The address spaces, the main process's first.</summary>
    internal IReadOnlyList<AddressSpace> Spaces => _objects.Spaces;

    /// <summary>The main process's address space.</summary>
    internal AddressSpace MainSpace => _objects.Mm;

    /// <summary>True if a call sleeps until an event of its own is read.</summary>
    internal bool AnyEventProducer => _running.Values.Any(r => r.Operation is MapCall { IsWaitingForReader: true });

    /// <summary>The context of a handle, open or closed.</summary>
    internal UserfaultContext? ContextOf(int handle) => _objects.ContextOf(handle);

    /// <summary>The file of a number.</summary>
    internal MemoryFile FileOf(int number) => _objects.Files[number];

    /// <summary>What pagemap shows of each mapped page of a range; of a huge page once, at its first base page.</summary>
    internal static IEnumerable<(long Page, int State)> PageStatesIn(AddressSpace mm, PageRange range)
    {
        if (range.IsEmpty) yield break;
        foreach (Vma vma in mm.Map.In(range).ToArray())
        {
            PageRange inside = vma.Range.Intersect(range);
            for (long page = vma.HeadOf(inside.Start); page < inside.End; page += vma.Stride)
                yield return (page, ModelText.StateOf(mm.EntryAt(page), vma.IsHuge));
        }
    }

    /// <summary>What pagemap shows of a page of the process of an accessor.</summary>
    internal int PageStateAt(int thread, ulong address)
    {
        AddressSpace mm = _objects.Threads[thread].Mm;
        return mm.Map.Find(PageSize.PageOf(address)) is { } vma
            ? ModelText.StateOf(mm.EntryAt(vma.HeadOf(PageSize.PageOf(address))), vma.IsHuge)
            : 0;
    }

    /// <summary>What pagemap shows of a page of the main process: 8 present, 4 swap-type, 2 file, 1 write-protected.</summary>
    public int PageStateAt(ulong address)
    {
        if (_objects.Mm.Map.Find(PageSize.PageOf(address)) is not { } vma) return 0;
        return ModelText.StateOf(_objects.Mm.EntryAt(vma.HeadOf(PageSize.PageOf(address))), vma.IsHuge);
    }

    /// <inheritdoc />
    public IEnumerable<HandleState> Handles
    {
        get
        {
            for (int i = 0; i < _objects.Handles.Count; i++)
            {
                if (_objects.Handles[i] is not { } context) continue;
                bool hasMessages = context.Pending + context.UnreadEvents > 0;
                yield return new HandleState(i, context.IsInitialized, context.IsNonBlocking, hasMessages);
            }
        }
    }

    /// <inheritdoc />
    public IEnumerable<AreaState> Areas =>
        from vma in _objects.Mm.Map.Vmas.ToArray()
        where _objects.Arena.Contains(vma.Range)
        select new AreaState(
            PageSize.AddressOf(vma.Range.Start), (ulong)vma.Range.Count << PageSize.BaseShift, (ulong)vma.PageBytes, vma.Modes);

    /// <inheritdoc />
    public IEnumerable<FileSummary> Files =>
        _objects.Files.Select(f => new FileSummary(f.Key, f.Value.PageShift != PageSize.BaseShift, f.Value.Bytes));

    /// <inheritdoc />
    public IEnumerable<int> Children => _objects.Children.Keys;

    /// <summary>The accessors that have executed a step.</summary>
    public IEnumerable<int> Threads => _objects.Threads.Keys;

    /// <inheritdoc />
    public bool MayRaiseEvents =>
        _objects.Contexts.Exists(c => c.Mm == _objects.Mm && !c.IsReleased && (c.Features & UffdFeatures.Events) != 0);

    /// <inheritdoc />
    public BusyThread? Busy(int thread) => _running.TryGetValue(thread, out RunningCall? running)
        ? new BusyThread(running.Step, ModelObserver.WaitOf(running.Operation))
        : null;

    /// <summary>
    /// True if a call that waits for an event has emptied the page at an address: what the kernel shows there depends on its TLB until
    /// the call ends (SEMANTICS 6.7.9).
    /// </summary>
    public bool IsUnflushed(ulong address) =>
        _running.Values.Any(r => r.Operation is AdviseMemory advice && advice.Emptied.Contains((long)(address >> PageSize.BaseShift)));

    /// <summary>True if an event of the handle's context has not been read.</summary>
    public bool HasUnreadEvents(int handle) => _objects.Handles[handle] is { UnreadEvents: > 0 };

    /// <inheritdoc />
    public bool CanExecute(ProgramStep step)
    {
        ArgumentNullException.ThrowIfNull(step);
        List<UserfaultContext?> handles = _objects.Handles;
        bool isOpen = step.Handle >= 0 && step.Handle < handles.Count && handles[step.Handle] is not null;
        if (StepSchema.HasHandle(step.Op) && !isOpen) return false;
        SortedDictionary<int, MemoryFile> files = _objects.Files;
        SortedDictionary<int, ChildProcess> children = _objects.Children;
        switch (step.Op)
        {
            case ProgramOp.Signal:
                return step.Thread is { } target && _running.TryGetValue(target, out RunningCall? asleep) && asleep.Operation is
                    Access { IsSpinning: false, Kind: AccessKind.Read or AccessKind.Write } or ReadMessages;
            case ProgramOp.File:
                return !files.ContainsKey(step.Number);
            case ProgramOp.Fork when children.ContainsKey(step.Number) || IsBusy(step.Number):
                return false;
            case ProgramOp.Exit when step.Thread is not { } child || !children.ContainsKey(child):
                return false;
            case ProgramOp.Fallocate or ProgramOp.Punch or ProgramOp.Truncate or ProgramOp.Fwrite when !files.ContainsKey(step.Number):
            case ProgramOp.Mmap when step.Kind != "anon" && !files.ContainsKey(step.Number):
                return false;
            default:
                // A child executes only accesses and its exit; other accessors execute anything but that exit.
                int thread = step.Thread ?? Main;
                bool ofChild = thread > Main && _objects.Threads.TryGetValue(thread, out Caller? caller) && caller.Mm != _objects.Mm;
                return !IsBusy(thread) && (!ofChild || (children.ContainsKey(thread) && step.Op is ProgramOp.Access or ProgramOp.Exit));
        }
    }

    private bool IsBusy(int thread) =>
        _running.ContainsKey(thread) || _running.Values.Any(r => r.Step.Op == ProgramOp.Fork && r.Step.Number == thread);

    /// <inheritdoc />
    public void Dispose()
    {
        _objects.Kernel.Finished -= OnFinished;
        _objects.Dispose();
    }

    private Observation Perform(ProgramStep step)
    {
        switch (step.Op)
        {
            case ProgramOp.Open:
                return Open(step);
            case ProgramOp.File:
                _objects.AddFile(step.Number, step.Kind, (long)step.Length);
                return new Observation { Return = 0 };
            case ProgramOp.Dup:
                _ = Run(step, new DuplicateHandle(_objects.Main, _objects.HandleOf(step)));
                return new Observation { Return = 0, As = _objects.AddHandle(_objects.HandleOf(step)) };
            case ProgramOp.Close:
                UserfaultContext closed = _objects.HandleOf(step);
                _objects.RemoveHandle(step.Handle);
                return Run(step, new CloseHandle(_objects.Main, closed));
            case ProgramOp.Signal:
                return Run(step, new SendSignal(_objects.Main, _running[step.Thread!.Value].Operation), byMain: true);
            default:
                return Run(step, _operations.OperationOf(step));
        }
    }

    private Observation Open(ProgramStep step)
    {
        // The call takes an int: the upper half of the register is ignored.
        uint flags = (uint)step.Word;
        if ((flags & ~(uint)UffdOpenFlags.All) != 0) return new Observation { Return = -1, Error = nameof(Errno.EINVAL) };
        return new Observation { Return = 0, As = _objects.Open((UffdOpenFlags)flags) };
    }

    private Observation Run(ProgramStep step, Operation operation, bool byMain = false)
    {
        RunningCall running = new(step, operation);
        int thread = byMain ? Main : step.Thread ?? Main;
        _running[thread] = running;
        _objects.Kernel.Submit(operation);
        _objects.Kernel.Run();
        if (operation.IsFinished)
        {
            _ = _running.Remove(thread);
            _ = _finished.RemoveAll(f => f.Operation == operation);
            return _observer.ResultOf(running);
        }

        return new Observation { Result = "blocked", Wait = ModelObserver.WaitOf(operation) };
    }

    private void OnFinished(Operation operation)
    {
        foreach ((int thread, RunningCall running) in _running)
        {
            if (running.Operation != operation) continue;
            _finished.Add(running);
            return;
        }
    }

    private void Observe(ProgramStep step, Observation o)
    {
        if (_finished.Count > 0)
        {
            List<FinishedThread> fin = [];
            foreach (RunningCall running in _finished.OrderBy(f => f.Step.Thread ?? Main))
            {
                int thread = running.Step.Thread ?? Main;
                _ = _running.Remove(thread);
                fin.Add(new FinishedThread(thread, _observer.ResultOf(running)));
            }

            _finished.Clear();
            o.Finished = fin;
        }

        if (step.Op == ProgramOp.Exit) _objects.RemoveChild(step.Thread!.Value);
        _observer.AddState(o);
    }
}
