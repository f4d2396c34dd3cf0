using UffdActors.Abi;
using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Testing.Scenes;

/// <summary>
/// An address space of the model with a few pages of memory at <see cref="Base"/>, its main thread, and what tests do with them. The
/// kernel says in which order the turns of operations run.
/// </summary>
/// <typeparam name="TKernel">Runs the turns.</typeparam>
internal abstract class MemoryScene<TKernel> : IDisposable
    where TKernel : IKernel
{
    public const ulong Base = 0x1000_0000_0000;
    public const ulong Page = PageSize.Base;

    private readonly List<MemoryFile> _files = [];
    private int _contexts;

    /// <summary>A scene of a machine, which is disposed of with it.</summary>
    protected MemoryScene(Machine machine, TKernel kernel)
    {
        Machine = machine;
        Kernel = kernel;
        Mm = kernel.Attach(new AddressSpace(machine));
        Main = kernel.Attach(new Caller(Mm));
    }

    public TKernel Kernel { get; }

    public Machine Machine { get; }

    public AddressSpace Mm { get; }

    public Caller Main { get; }

    /// <summary>Files that are disposed of with the scene.</summary>
    protected IReadOnlyList<MemoryFile> Files => _files;

    public static ulong At(long page) => Base + ((ulong)page * Page);

    /// <summary>An access that has begun.</summary>
    public static Access NewAccess(Caller thread, long page, AccessKind kind, byte value)
    {
        Access access = new(thread);
        access.Begin(At(page), kind, value);
        return access;
    }

    /// <summary>A fill that has begun; a copy's content is one byte all over unless a source is given.</summary>
    public static Fill NewFill(
        Caller caller, UserfaultContext context, FillKind kind, long page, long pages, byte value, FillModes modes = FillModes.None,
        FillSource? source = null)
    {
        Fill fill = new(caller);
        FillSource from = source ?? (kind == FillKind.Copy ? FillSource.Stamp(value) : FillSource.Zero);
        fill.Begin(context, kind, At(page), (ulong)pages * Page, from, modes);
        return fill;
    }

    /// <summary>Runs an operation to its end.</summary>
    public T Do<T>(T operation)
        where T : Operation
    {
        Kernel.Submit(operation);
        Kernel.Run();
        return operation;
    }

    public MemoryFile NewFile(MemoryModule module, long pages) => Keep(module.CreateFile(Machine, pages << module.PageShift));

    public MemoryFile Keep(MemoryFile file)
    {
        _files.Add(file);
        return file;
    }

    /// <summary>mmap with MAP_FIXED.</summary>
    /// <param name="pages">Of the file's size.</param>
    /// <param name="file">Null for anonymous memory.</param>
    /// <param name="shared">Of a file only.</param>
    /// <param name="address">Where.</param>
    /// <param name="prot">Protection.</param>
    /// <param name="offset">In the file, in base pages.</param>
    public Errno TryMap(
        long pages, MemoryFile? file = null, bool shared = true, ulong address = Base, Prot prot = Prot.ReadWrite, long offset = 0)
    {
        ulong bytes = (ulong)pages << (file?.PageShift ?? PageSize.BaseShift);
        return Do(new MapMemory(Main, address, bytes, new MapRequest(prot, file, file is not null && shared, (ulong)offset * Page))).Error;
    }

    /// <summary>A userfaultfd after UFFDIO_API.</summary>
    public UserfaultContext Open(UffdFeatures features = UffdFeatures.None, UffdOpenFlags flags = UffdOpenFlags.NonBlock)
    {
        UserfaultContext context = Kernel.Attach(new UserfaultContext(Mm, flags, _contexts++));
        Assert.Equal(Errno.None, Do(new Handshake(Main, context, new UffdioApi { Api = Uffd.ApiMagic, Features = (ulong)features })).Error);
        return context;
    }

    /// <summary>UFFDIO_REGISTER, not yet run.</summary>
    public Register NewRegister(UserfaultContext context, RegisterModes modes, long first, long pages) =>
        new(Main, context, At(first), (ulong)pages * Page, (ulong)modes);

    public Entry EntryAt(long page) => Mm.EntryAt(PageSize.PageOf(At(page)));

    public virtual void Dispose()
    {
        Mm.Dispose();
        foreach (MemoryFile file in _files) file.Dispose();
        Machine.Dispose();
    }
}
