using UffdActors.Abi;
using UffdActors.Conformance.Programs;
using UffdActors.Model;
using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Files;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Conformance.Replay;

/// <summary>
/// Executes the steps of a program in the model and observes what a recorder on a real kernel would: results, messages, queues, VMA lists
/// with page states, files.
/// </summary>
internal sealed class ModelExecutor : IProgramState, IDisposable
{
    private const int SourcePages = 16;
    private const byte FirstSourceByte = 0x40;
    private const byte FirstHugeSourceByte = 0xA0;
    private const ulong VdsoAddress = 0x7FFF_F7FF_F000;
    private const int Main = -1;

    private readonly IKernel _kernel;
    private readonly Machine _machine;
    private readonly TraceHeader _header;
    private readonly Shmem _shmem = new();
    private readonly Hugetlb _hugetlb = new();
    private readonly AddressSpace _mm;
    private readonly Caller _main;
    private readonly SortedDictionary<int, Caller> _threads = [];
    private readonly SortedDictionary<int, Running> _running = [];
    private readonly SortedDictionary<int, ChildProcess> _children = [];
    private readonly List<UserfaultContext?> _handles = [];
    private readonly SortedDictionary<int, MemoryFile> _files = [];
    private readonly List<AddressSpace> _spaces = [];
    private readonly List<Running> _finished = [];
    private readonly PageRange _arena;
    private readonly TextBuffer _vmaText = new();
    private readonly TextBuffer _fileText = new();
    private readonly List<UserfaultContext?> _contextOfHandle = [];
    private readonly List<UserfaultContext> _contexts = [];
    private int _contextNumber;

    /// <summary>Makes the world in which a program starts: nothing mapped but the source buffers.</summary>
    /// <param name="header">Where things lie.</param>
    /// <param name="profile">The kernel.</param>
    /// <param name="makeKernel">Makes what runs the program, for the world's machine; disposed of with the world.</param>
    public ModelExecutor(TraceHeader header, KernelProfile profile, Func<Machine, IKernel> makeKernel)
    {
        ArgumentNullException.ThrowIfNull(header);
        ArgumentNullException.ThrowIfNull(profile);
        ArgumentNullException.ThrowIfNull(makeKernel);
        _header = header;
        _machine = new Machine(
            profile with { FaultAroundBytes = header.FaultAroundBytes }, ContentKind.Runs, FolioStore.MaxFolio, FolioStore.MaxFolio);
        _kernel = makeKernel(_machine);
        _mm = NewSpace(0);
        _main = _kernel.Attach(new Caller(_mm));
        _arena = new PageRange(PageSize.PageOf(header.ArenaStart), PageSize.PageOf(header.ArenaEnd));
        _kernel.Finished += OnFinished;
        MapSources();
    }

    /// <summary>Executes a step and shows what it did.</summary>
    public Observation Execute(ProgramStep step)
    {
        ArgumentNullException.ThrowIfNull(step);
        if (step.Op == ProgramOp.Final) return Final();
        Last = Perform(step);
        Observe(step, Last);
        Executed?.Invoke(step);
        return Last;
    }

    /// <summary>Raised after each step of a program.</summary>
    public event Action<ProgramStep>? Executed;

    /// <summary>Where things lie.</summary>
    public TraceHeader Header => _header;

    /// <summary>What the latest step showed.</summary>
    internal Observation Last { get; private set; } = new();

    /// <summary>The contexts of the main process and of its children, in order of creation.</summary>
    internal IReadOnlyList<UserfaultContext> Contexts => _contexts;

    /// <summary>The address spaces, the main process's first.</summary>
    internal IReadOnlyList<AddressSpace> Spaces => _spaces;

    /// <summary>The main process's address space.</summary>
    internal AddressSpace MainSpace => _mm;

    /// <summary>True if a call sleeps until an event of its own is read.</summary>
    internal bool AnyEventProducer => _running.Values.Any(r => r.Operation is MapCall { IsWaitingForReader: true });

    /// <summary>The context of a handle, open or closed.</summary>
    internal UserfaultContext? ContextOf(int handle) => _contextOfHandle[handle];

    /// <summary>The file of a number.</summary>
    internal MemoryFile FileOf(int number) => _files[number];

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
        AddressSpace mm = _threads[thread].Mm;
        return mm.Map.Find(PageSize.PageOf(address)) is { } vma
            ? ModelText.StateOf(mm.EntryAt(vma.HeadOf(PageSize.PageOf(address))), vma.IsHuge)
            : 0;
    }

    /// <summary>What pagemap shows of a page of the main process: 8 present, 4 swap-type, 2 file, 1 write-protected.</summary>
    public int PageStateAt(ulong address)
    {
        if (_mm.Map.Find(PageSize.PageOf(address)) is not { } vma) return 0;
        return ModelText.StateOf(_mm.EntryAt(vma.HeadOf(PageSize.PageOf(address))), vma.IsHuge);
    }

    /// <inheritdoc />
    public IEnumerable<HandleState> Handles
    {
        get
        {
            for (int i = 0; i < _handles.Count; i++)
            {
                if (_handles[i] is { } c) yield return new HandleState(i, c.IsInitialized, c.IsNonBlocking, c.Pending + c.UnreadEvents > 0);
            }
        }
    }

    /// <inheritdoc />
    public IEnumerable<AreaState> Areas =>
        from vma in _mm.Map.Vmas.ToArray()
        where _arena.Contains(vma.Range)
        select new AreaState(
            PageSize.AddressOf(vma.Range.Start), (ulong)vma.Range.Count << PageSize.BaseShift, (ulong)vma.PageBytes, vma.Modes);

    /// <inheritdoc />
    public IEnumerable<FileSummary> Files =>
        _files.Select(f => new FileSummary(f.Key, f.Value.PageShift != PageSize.BaseShift, f.Value.Bytes));

    /// <inheritdoc />
    public IEnumerable<int> Children => _children.Keys;

    /// <summary>The accessors that have done something.</summary>
    public IEnumerable<int> Threads => _threads.Keys;

    /// <inheritdoc />
    public bool MayRaiseEvents => _contexts.Exists(c => c.Mm == _mm && !c.IsReleased && (c.Features & UffdFeatures.Events) != 0);

    /// <inheritdoc />
    public BusyThread? Busy(int thread) => _running.TryGetValue(thread, out Running? running)
        ? new BusyThread(running.Step, WaitOf(running.Operation))
        : null;

    /// <summary>True if an event of the handle's context has not been read.</summary>
    public bool HasUnreadEvents(int handle) => _handles[handle] is { UnreadEvents: > 0 };

    /// <inheritdoc />
    public bool CanExecute(ProgramStep step)
    {
        ArgumentNullException.ThrowIfNull(step);
        if (StepSchema.HasHandle(step.Op) && (step.Handle < 0 || step.Handle >= _handles.Count || _handles[step.Handle] is null))
            return false;
        switch (step.Op)
        {
            case ProgramOp.Signal:
                return step.Thread is { } target && _running.TryGetValue(target, out Running? asleep) && asleep.Operation is
                    Access { IsSpinning: false, Kind: AccessKind.Read or AccessKind.Write } or ReadMessages;
            case ProgramOp.File:
                return !_files.ContainsKey(step.Number);
            case ProgramOp.Fork when _children.ContainsKey(step.Number) || IsBusy(step.Number):
                return false;
            case ProgramOp.Exit when step.Thread is not { } child || !_children.ContainsKey(child):
                return false;
            case ProgramOp.Fallocate or ProgramOp.Punch or ProgramOp.Truncate or ProgramOp.Fwrite when !_files.ContainsKey(step.Number):
            case ProgramOp.Mmap when step.Kind != "anon" && !_files.ContainsKey(step.Number):
                return false;
            default:
                // A child executes nothing but accesses and its end, the others anything but that end.
                int thread = step.Thread ?? Main;
                bool ofChild = thread > Main && _threads.TryGetValue(thread, out Caller? caller) && caller.Mm != _mm;
                return !IsBusy(thread) && (!ofChild || (_children.ContainsKey(thread) && step.Op is ProgramOp.Access or ProgramOp.Exit));
        }
    }

    private bool IsBusy(int thread) =>
        _running.ContainsKey(thread) || _running.Values.Any(r => r.Step.Op == ProgramOp.Fork && r.Step.Number == thread);

    /// <inheritdoc />
    public void Dispose()
    {
        _kernel.Finished -= OnFinished;
        (_kernel as IDisposable)?.Dispose();
        foreach (AddressSpace mm in _spaces) mm.Dispose();
        foreach (MemoryFile file in _files.Values) file.Dispose();
        _machine.Dispose();
    }

    private Observation Perform(ProgramStep step)
    {
        switch (step.Op)
        {
            case ProgramOp.Open:
                return Open(step);
            case ProgramOp.File:
                MemoryModule module = step.Kind == "htlb" ? _hugetlb : _shmem;
                _files.Add(step.Number, module.CreateFile(_machine, (long)step.Length));
                return new Observation { Return = 0 };
            case ProgramOp.Dup:
                _ = Run(step, new DuplicateHandle(_main, Handle(step)));
                return new Observation { Return = 0, As = AddHandle(Handle(step)) };
            case ProgramOp.Close:
                UserfaultContext closed = Handle(step);
                _handles[step.Handle] = null;
                return Run(step, new CloseHandle(_main, closed));
            case ProgramOp.Signal:
                return Run(step, new SendSignal(_main, _running[step.Thread!.Value].Operation), _main);
            default:
                return Run(step, OperationOf(step));
        }
    }

    private Observation Open(ProgramStep step)
    {
        // The call takes an int; nobody looks at the upper half of the register.
        uint flags = (uint)step.Word;
        if ((flags & ~(uint)UffdOpenFlags.All) != 0) return new Observation { Return = -1, Error = nameof(Errno.EINVAL) };
        UserfaultContext context = _kernel.Attach(new UserfaultContext(_mm, (UffdOpenFlags)flags, _contextNumber++));
        return new Observation { Return = 0, As = AddHandle(context) };
    }

    private Operation OperationOf(ProgramStep s)
    {
        Caller caller = s.Thread is { } number ? Thread(number) : _main;
        switch (s.Op)
        {
            case ProgramOp.Api:
                return new Handshake(caller, Handle(s), new UffdioApi { Api = s.Magic, Features = s.Word }, s.Pointer);
            case ProgramOp.Register:
                return new Register(caller, Handle(s), s.Address, s.Length, s.Word, s.Pointer);
            case ProgramOp.Unregister:
                return new Unregister(caller, Handle(s), s.Address, s.Length, s.Pointer);
            case ProgramOp.Wake:
                return new Wake(caller, Handle(s), s.Address, s.Length, s.Pointer);
            case ProgramOp.Copy or ProgramOp.Zeropage or ProgramOp.Continue or ProgramOp.Poison:
                return NewFill(caller, s);
            case ProgramOp.Move:
                return new Move(caller, Handle(s), s.Address, s.Other, s.Length, s.Word, s.Pointer);
            case ProgramOp.Writeprotect:
                return new WriteProtect(caller, Handle(s), s.Address, s.Length, s.Word, s.Pointer);
            case ProgramOp.Read:
                return new ReadMessages(caller, Handle(s), (ulong)s.Value, s.Pointer);
            case ProgramOp.Poll:
                return new Poll(caller, Handle(s));
            case ProgramOp.Access:
                return NewAccess(caller, s);
            case ProgramOp.Fallocate:
                return new AllocateFile(caller, _files[s.Number], (long)s.Second, (long)s.Length);
            case ProgramOp.Punch:
                return new PunchHole(caller, _files[s.Number], (long)s.Second, (long)s.Length);
            case ProgramOp.Truncate:
                return new TruncateFile(caller, _files[s.Number], (long)s.Length);
            case ProgramOp.Fwrite:
                return new WriteFile(caller, _files[s.Number], (long)s.Second, (byte)s.Value);
            case ProgramOp.Mmap:
                MemoryFile? file = s.Kind == "anon" ? null : _files[s.Number];
                return new MapMemory(
                    caller, s.Address, s.Length,
                    new MapRequest((Prot)s.Word, file, Shared: file is not null && !s.Kind.EndsWith('p'), s.Second));
            case ProgramOp.Munmap:
                return new UnmapMemory(caller, s.Address, s.Length);
            case ProgramOp.Mprotect:
                return new ProtectMemory(caller, s.Address, s.Length, (Prot)s.Word);
            case ProgramOp.Mremap:
                return new RemapMemory(caller, s.Address, s.Length, s.Second, (RemapModes)s.Word, s.Other);
            case ProgramOp.Madvise when s.Kind is "DONTFORK" or "DOFORK":
                return new AdviseFork(caller, s.Address, s.Length, leaveOut: s.Kind == "DONTFORK");
            case ProgramOp.Madvise:
                return new AdviseMemory(caller, s.Address, s.Length, AdviceOf(s.Kind));
            case ProgramOp.Fork:
                return new ForkProcess(caller, s.Number, _ => _contextNumber++, _handles.OfType<UserfaultContext>().Distinct());
            case ProgramOp.Exit:
                return new ExitProcess(caller);
            default:
                throw new InvalidOperationException($"{s.Op} is not an operation of a thread.");
        }
    }

    private Fill NewFill(Caller caller, ProgramStep s)
    {
        (FillKind kind, FillSource source) = s.Op switch
        {
            ProgramOp.Copy => (FillKind.Copy, FillSource.User(s.Other)),
            ProgramOp.Zeropage => (FillKind.ZeroPage, FillSource.Zero),
            ProgramOp.Continue => (FillKind.Continue, FillSource.Zero),
            _ => (FillKind.Poison, FillSource.Zero),
        };
        Fill fill = new(caller);
        fill.Begin(Handle(s), kind, s.Address, s.Length, source, (FillModes)s.Word, s.Pointer);
        return fill;
    }

    private static Access NewAccess(Caller caller, ProgramStep s)
    {
        // A system call that writes to a pipe reads memory, and the other way round.
        AccessKind kind = s.Kind switch
        {
            "read" => AccessKind.Read,
            "write" => AccessKind.Write,
            "kread" => AccessKind.Read | AccessKind.Kernel,
            _ => AccessKind.Write | AccessKind.Kernel,
        };
        Access access = new(caller);
        access.Begin(s.Address, kind, (ulong)s.Value);
        return access;
    }

    private static Advice AdviceOf(string name) => name switch
    {
        "DONTNEED" => Advice.DontNeed,
        "FREE" => Advice.Free,
        // Not a word of the trace format: nothing was recorded with swap. Programs made in code may use it.
        "PAGEOUT" => Advice.PageOut,
        _ => Advice.Remove,
    };

    private Observation Run(ProgramStep step, Operation operation, Caller? by = null)
    {
        Running running = new(step, operation);
        int thread = by is null ? step.Thread ?? Main : Main;
        _running[thread] = running;
        _kernel.Submit(operation);
        _kernel.Run();
        if (operation.IsFinished)
        {
            _ = _running.Remove(thread);
            _ = _finished.RemoveAll(f => f.Operation == operation);
            return ResultOf(running);
        }

        return new Observation { Result = "blocked", Wait = WaitOf(operation) };
    }

    private void OnFinished(Operation operation)
    {
        foreach ((int thread, Running running) in _running)
        {
            if (running.Operation != operation) continue;
            _finished.Add(running);
            return;
        }
    }

    private static string WaitOf(Operation operation) => operation switch
    {
        ReadMessages => "read",
        MapCall => "event",
        Access { IsSpinning: true } => "livelock",
        _ => "fault",
    };

    private Observation ResultOf(Running running)
    {
        Observation o = new();
        switch (running.Operation)
        {
            case Access access:
                o.Result = ModelText.OutcomeOf(access);
                return o;
            case Fill fill:
                SetError(o, fill.Error);
                o.Out = ModelText.OutOf(fill.Out);
                return o;
            case Move move:
                SetError(o, move.Error);
                o.Out = ModelText.OutOf(move.Out);
                return o;
            case Poll poll:
                o.Revents = poll.Events;
                return o;
            case ControlOperation call:
                SetError(o, call.Error);
                break;
        }

        switch (running.Operation)
        {
            case Handshake handshake when running.Step.Pointer != ArgumentPointer.Null:
                UffdioApi api = handshake.Result;
                o.Out = $"{ModelText.Hex(api.Api)} {ModelText.Hex(api.Features)} {ModelText.Hex(api.Ioctls)}";
                break;
            case Register register:
                o.Out = register.Ioctls is { } mask ? ModelText.Hex((ulong)mask) : "untouched";
                break;
            case ReadMessages { Error: Errno.None } read:
                ReadResult(o, read);
                break;
            case WriteFile { Error: Errno.None }:
                o.Return = 1;
                break;
            case ForkProcess { Child: { } child }:
                AddChild(running.Step.Number, child);
                break;
        }

        return o;
    }

    private void ReadResult(Observation o, ReadMessages read)
    {
        o.Return = read.Count;
        int child = 0;
        List<string> messages = [];
        foreach (UffdMsg message in read.Messages)
        {
            int handle = message.Event == UffdEvent.Fork ? AddHandle(read.Children[child++]) : 0;
            messages.Add(ModelText.MessageOf(message, handle));
        }

        o.Messages = messages;
    }

    private static void SetError(Observation o, Errno error)
    {
        o.Return = error == Errno.None ? 0 : -1;
        o.Error = error == Errno.None ? null : ModelText.NameOf(error);
    }

    private void Observe(ProgramStep step, Observation o)
    {
        if (_finished.Count > 0)
        {
            List<FinishedThread> fin = [];
            foreach (Running running in _finished.OrderBy(f => f.Step.Thread ?? Main))
            {
                int thread = running.Step.Thread ?? Main;
                _ = _running.Remove(thread);
                fin.Add(new FinishedThread(thread, ResultOf(running)));
            }

            _finished.Clear();
            o.Finished = fin;
        }

        if (step.Op == ProgramOp.Exit) _ = _children.Remove(step.Thread!.Value);

        List<(int, int, int)> queues = [];
        for (int i = 0; i < _handles.Count; i++)
        {
            if (_handles[i] is { } context) queues.Add((i, context.Pending, context.Total));
        }

        o.Queues = queues;
        o.Vmas = VmasOf(_mm, _vmaText);
        List<(int, string)>? changed = null;
        foreach ((int thread, ChildProcess child) in _children)
        {
            if (VmasOf(child.Mm, child.Text) is { } list) (changed ??= []).Add((thread, list));
        }

        o.ChildVmas = changed;
        _fileText.Clear();
        foreach ((int number, MemoryFile file) in _files) ModelText.AppendFile(_fileText, number, file);
        if (_fileText.TakeIfChanged() is not null) o.Files = [.. _files.Select(f => ModelText.StateOf(f.Key, f.Value))];
    }

    /// <summary>The VMA list, one line a VMA; null if it has not changed.</summary>
    private string? VmasOf(AddressSpace mm, TextBuffer text)
    {
        text.Clear();
        foreach (Vma vma in mm.Map.Vmas)
        {
            if (_arena.Contains(vma.Range)) ModelText.AppendVma(text, mm, vma, vma.File is { } file ? FileNumber(file) : -1);
        }

        return text.TakeIfChanged();
    }

    private Observation Final()
    {
        Observation o = new() { FinalFiles = [.. _files.Select(f => ModelText.ContentOf(f.Key, f.Value))] };
        List<(ulong, string)> pages = [];
        Access access = new(_main);
        foreach (Vma vma in _mm.Map.Vmas.ToArray())
        {
            if (!_arena.Contains(vma.Range)) continue;
            for (long page = vma.Range.Start; page < vma.Range.End; page += vma.Stride)
            {
                ulong address = PageSize.AddressOf(page);
                access.Begin(address, AccessKind.Read);
                _kernel.Submit(access);
                _kernel.Run();
                if (access.IsFinished)
                {
                    pages.Add((address, ModelText.PageContent(access, vma, _mm.EntryAt(page))));
                    continue;
                }

                // A call that sleeps keeps its context, and so its registrations, beyond the last close (SEMANTICS 5.3.7).
                pages.Add((address, "blocked"));
                access = new Access(_main);
            }
        }

        o.FinalPages = pages;
        return o;
    }

    private void MapSources()
    {
        for (int i = 0; i <= SourcePages + 3; i++)
        {
            if (i == SourcePages) continue;
            bool readable = i != SourcePages + 2;
            ulong address = _header.Source + ((ulong)i << PageSize.BaseShift);
            if (i is 0 or > SourcePages)
            {
                Prot prot = readable ? Prot.ReadWrite : Prot.None;
                Do(new MapMemory(_main, address, (ulong)(i == 0 ? SourcePages * PageSize.Base : PageSize.Base), new MapRequest(prot)));
            }

            if (i < SourcePages + 2) Fill(address, _machine.BaseFolios, (byte)(FirstSourceByte + i));
        }

        MemoryFile huge = _hugetlb.CreateFile(_machine, 2 * PageSize.Huge);
        _files.Add(-1, huge);
        Do(new MapMemory(_main, _header.HugeSource, 2 * PageSize.Huge, new MapRequest(Prot.ReadWrite, huge)));
        for (int i = 0; i < 2; i++)
            Fill(_header.HugeSource + (ulong)(i * PageSize.Huge), _machine.HugeFolios, (byte)(FirstHugeSourceByte + i));
        _ = _files.Remove(-1);

        // Every process has memory that no userfaultfd takes; a range over all of user space meets it.
        Do(new MapMemory(_main, VdsoAddress, PageSize.Base, new MapRequest(Prot.Read, Droppable: true)));
    }

    private void Fill(ulong address, FolioStore store, byte value) =>
        _mm.SetEntry(PageSize.PageOf(address), Entry.Anon(store.AllocateFrom(FillSource.Stamp(value))));

    private void Do(Operation operation)
    {
        _kernel.Submit(operation);
        _kernel.Run();
    }

    private AddressSpace NewSpace(int number)
    {
        AddressSpace mm = _kernel.Attach(new AddressSpace(_machine, number));
        _spaces.Add(mm);
        return mm;
    }

    private void AddChild(int thread, AddressSpace mm)
    {
        _spaces.Add(mm);
        _children.Add(thread, new ChildProcess(mm));
        _threads[thread] = _kernel.Attach(new Caller(mm, thread + 1, thread + 1));
    }

    private Caller Thread(int number)
    {
        if (_threads.TryGetValue(number, out Caller? thread)) return thread;
        thread = _kernel.Attach(new Caller(_mm, number + 1, number + 1));
        _threads.Add(number, thread);
        return thread;
    }

    private UserfaultContext Handle(ProgramStep step) =>
        _handles[step.Handle] ?? throw new InvalidOperationException($"Step {step.Index} uses handle {step.Handle}, which is closed.");

    private int AddHandle(UserfaultContext context)
    {
        _handles.Add(context);
        _contextOfHandle.Add(context);
        if (!_contexts.Contains(context)) _contexts.Add(context);
        return _handles.Count - 1;
    }

    private int FileNumber(MemoryFile file)
    {
        foreach ((int number, MemoryFile candidate) in _files)
        {
            if (candidate == file) return number;
        }

        throw new InvalidOperationException("A mapping shows a file that the program did not make.");
    }

    private sealed record Running(ProgramStep Step, Operation Operation);

    private sealed class ChildProcess(AddressSpace mm)
    {
        public AddressSpace Mm { get; } = mm;

        public TextBuffer Text { get; } = new();
    }
}
