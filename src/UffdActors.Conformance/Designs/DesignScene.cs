using UffdActors.Abi;
using UffdActors.Model;
using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Conformance.Designs;

/// <summary>A few pages of a module's memory under one design, on the sequential kernel.</summary>
internal sealed class DesignScene : IDisposable
{
    public const long Pages = 8;
    private const ulong Base = 0x1000_0000_0000;

    private readonly SequentialKernel _kernel = new();
    private readonly AddressSpace _mm;
    private readonly MemoryFile _file;

    /// <param name="profile">Kernel.</param>
    /// <param name="module">The module.</param>
    /// <param name="shared">MAP_SHARED.</param>
    /// <param name="failed">Told what code of the module did that ended a call with EIO.</param>
    public DesignScene(KernelProfile profile, MemoryModule module, bool shared, Action<string, Exception?>? failed = null)
    {
        Machine = new Machine(profile, ContentKind.Runs, basePages: 1024, hugePages: 64, giantPages: 64) { ModuleFailed = failed };
        _mm = _kernel.Attach(new AddressSpace(Machine));
        Main = _kernel.Attach(new Caller(_mm));
        Page = 1UL << module.Facts.PageShift;
        _file = ModuleMembers.NewFile(module, Machine, (long)(Page * Pages));
        Prot prot = module.TryCheckProtection(Machine, Prot.ReadWrite, shared) == Errno.None ? Prot.ReadWrite : Prot.Read;
        Mapped = Run(new MapMemory(Main, Base, Page * Pages, new MapRequest(prot, _file, shared))).Error;
        Context = _kernel.Attach(new UserfaultContext(_mm, UffdOpenFlags.NonBlock));
        _ = Run(new Handshake(Main, Context, new UffdioApi { Api = Uffd.ApiMagic }));
    }

    public Machine Machine { get; }

    public Caller Main { get; }

    public UserfaultContext Context { get; }

    public MemoryFile File => _file;

    /// <summary>Result of mmap.</summary>
    public Errno Mapped { get; }

    public ulong Page { get; }

    public bool UsesModule => _mm.Uses(_file.Module);

    public T Run<T>(T operation)
        where T : Operation => _kernel.Run(operation);

    public ulong At(long page) => Base + ((ulong)page * Page);

    public Register Register(RegisterModes modes) => Run(new Register(Main, Context, Base, Page * Pages, (ulong)modes));

    public Fill Fill(FillKind kind, long page)
    {
        Fill fill = new(Main);
        fill.Begin(Context, kind, At(page), Page, kind == FillKind.Copy ? FillSource.Stamp(7) : FillSource.Zero);
        return Run(fill);
    }

    public Access Touch(int thread, long page)
    {
        Access access = new(_kernel.Attach(new Caller(_mm, thread, thread)));
        access.Begin(At(page), AccessKind.Read);
        return Run(access);
    }

    public void Submit(Operation operation) => _kernel.Submit(operation);

    public void RunAll() => _kernel.Run();

    public void Unmap() => _ = Run(new UnmapMemory(Main, Base, Page * Pages));

    public void CloseContext() => _ = Run(new CloseHandle(Main, Context));

    /// <summary>Folios in use, of every size.</summary>
    public long FoliosInUse => Machine.BaseFolios.InUse + Machine.HugeFolios.InUse + Machine.GiantFolios.InUse;

    public void Dispose()
    {
        _mm.Dispose();
        _file.Dispose();
        Machine.Dispose();
    }
}
