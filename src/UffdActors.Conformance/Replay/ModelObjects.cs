using UffdActors.Abi;
using UffdActors.Conformance.Programs;
using UffdActors.Model;
using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Conformance.Replay;

/// <summary>
/// The objects of a program in the model, by the numbers that its steps use: threads, handles, files, children. At the beginning only the
/// source buffers are mapped.
/// </summary>
internal sealed class ModelObjects : IDisposable
{
    private readonly SortedDictionary<int, Caller> _threads = [];
    private readonly SortedDictionary<int, ChildProcess> _children = [];
    private readonly SortedDictionary<int, MemoryFile> _files = [];
    private readonly List<UserfaultContext?> _handles = [];
    private readonly List<UserfaultContext> _contextOfHandle = [];
    private readonly List<UserfaultContext> _contexts = [];
    private readonly List<AddressSpace> _spaces = [];
    private readonly Shmem _shmem = new();
    private readonly Hugetlb _hugetlb = new();
    private int _contextNumber;

    /// <param name="header">Where things lie.</param>
    /// <param name="profile">The kernel.</param>
    /// <param name="makeKernel">Makes what runs the program, for the machine; disposed of with the objects.</param>
    public ModelObjects(TraceHeader header, KernelProfile profile, Func<Machine, IKernel> makeKernel)
    {
        Header = header;
        Machine = new Machine(
            profile with { FaultAroundBytes = header.FaultAroundBytes }, ContentKind.Runs, FolioStore.MaxFolio, FolioStore.MaxFolio);
        Kernel = makeKernel(Machine);
        Mm = Kernel.Attach(new AddressSpace(Machine, 0));
        _spaces.Add(Mm);
        Main = Kernel.Attach(new Caller(Mm));
        Arena = new PageRange(PageSize.PageOf(header.ArenaStart), PageSize.PageOf(header.ArenaEnd));
    }

    /// <summary>Where things lie.</summary>
    public TraceHeader Header { get; }

    /// <summary>Physical memory.</summary>
    public Machine Machine { get; }

    /// <summary>What runs the program.</summary>
    public IKernel Kernel { get; }

    /// <summary>Address space of the main process.</summary>
    public AddressSpace Mm { get; }

    /// <summary>Main thread of the main process.</summary>
    public Caller Main { get; }

    /// <summary>The pages in which programs map memory.</summary>
    public PageRange Arena { get; }

    /// <summary>The address spaces, the main process's first.</summary>
    public List<AddressSpace> Spaces => _spaces;

    /// <summary>The accessors that have executed a step.</summary>
    public SortedDictionary<int, Caller> Threads => _threads;

    /// <summary>Children that have not ended, by their accessor.</summary>
    public SortedDictionary<int, ChildProcess> Children => _children;

    /// <summary>Files by number.</summary>
    public SortedDictionary<int, MemoryFile> Files => _files;

    /// <summary>Contexts of the handles; null for one that is closed.</summary>
    public List<UserfaultContext?> Handles => _handles;

    /// <summary>The contexts of the main process and of its children, in order of creation.</summary>
    public List<UserfaultContext> Contexts => _contexts;

    /// <summary>The context of a handle, open or closed.</summary>
    public UserfaultContext ContextOf(int handle) => _contextOfHandle[handle];

    /// <summary>The context of a step's handle, which must be open.</summary>
    public UserfaultContext HandleOf(ProgramStep step) =>
        _handles[step.Handle] ?? throw new InvalidOperationException($"Step {step.Index} uses handle {step.Handle}, which is closed.");

    /// <summary>The thread that executes a step; made at its first step.</summary>
    public Caller ThreadOf(ProgramStep step)
    {
        if (step.Thread is not { } number) return Main;
        if (_threads.TryGetValue(number, out Caller? thread)) return thread;
        thread = Kernel.Attach(new Caller(Mm, number + 1, number + 1));
        _threads.Add(number, thread);
        return thread;
    }

    /// <summary>Number of a file.</summary>
    public int NumberOf(MemoryFile file)
    {
        foreach ((int number, MemoryFile candidate) in _files)
        {
            if (candidate == file) return number;
        }

        throw new InvalidOperationException("A mapping is of a file that the program did not make.");
    }

    /// <summary>Numbers a new context.</summary>
    public int NextContextNumber() => _contextNumber++;

    /// <summary>Opens a userfaultfd.</summary>
    /// <returns>Number of the handle.</returns>
    public int Open(UffdOpenFlags flags) => AddHandle(Kernel.Attach(new UserfaultContext(Mm, flags, NextContextNumber())));

    /// <summary>Gives a context another handle.</summary>
    /// <returns>Number of the handle.</returns>
    public int AddHandle(UserfaultContext context)
    {
        _handles.Add(context);
        _contextOfHandle.Add(context);
        if (!_contexts.Contains(context)) _contexts.Add(context);
        return _handles.Count - 1;
    }

    /// <summary>A handle is closed.</summary>
    public void RemoveHandle(int handle) => _handles[handle] = null;

    /// <summary>Makes a file of shmem, or of hugetlb for the kind <c>htlb</c>.</summary>
    public void AddFile(int number, string kind, long bytes) => _files.Add(number, NewFile(kind == "htlb", bytes));

    /// <summary>Makes a file that has no number.</summary>
    public MemoryFile NewFile(bool isHuge, long bytes) => (isHuge ? (MemoryModule)_hugetlb : _shmem).CreateFile(Machine, bytes);

    /// <summary>A fork has made a child.</summary>
    public void AddChild(int thread, AddressSpace mm)
    {
        _spaces.Add(mm);
        _children.Add(thread, new ChildProcess(mm));
        _threads[thread] = Kernel.Attach(new Caller(mm, thread + 1, thread + 1));
    }

    /// <summary>A child has ended.</summary>
    public void RemoveChild(int thread) => _children.Remove(thread);

    /// <inheritdoc />
    public void Dispose()
    {
        (Kernel as IDisposable)?.Dispose();
        foreach (AddressSpace mm in _spaces) mm.Dispose();
        foreach (MemoryFile file in _files.Values) file.Dispose();
        Machine.Dispose();
    }
}
