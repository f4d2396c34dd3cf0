using UffdActors.Abi;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Tests;

/// <summary>
/// A small world on the sequential kernel, for tests that read as sentences: a few pages of one kind of memory at <see cref="Base"/>, a
/// context, threads.
/// </summary>
internal sealed class Scene : IDisposable
{
    public const ulong Base = 0x1000_0000_0000;
    public const ulong Page = PageSize.Base;

    private readonly List<MemoryFile> _files = [];
    private int _contexts;

    public Scene(
        KernelProfile? profile = null, ContentKind content = ContentKind.Runs, long memory = 4096, long? hugePages = 16,
        long giantPages = 0)
    {
        Machine = new Machine(profile ?? KernelProfile.Linux618, content, memory, hugePages, giantPages);
        Mm = Kernel.Attach(new AddressSpace(Machine));
        Main = Kernel.Attach(new Caller(Mm));
    }

    public SequentialKernel Kernel { get; } = new();

    public Machine Machine { get; }

    public AddressSpace Mm { get; }

    public Caller Main { get; }

    public static ulong At(long page) => Base + ((ulong)page * Page);

    public Caller Thread(int number) => Kernel.Attach(new Caller(Mm, number, number));

    public MemoryFile NewFile(MemoryModule module, long pages) => Keep(module.CreateFile(Machine, pages << module.PageShift));

    public MemoryFile Keep(MemoryFile file)
    {
        _files.Add(file);
        return file;
    }

    public void Map(
        long pages, MemoryFile? file = null, bool shared = true, ulong address = Base, Prot prot = Prot.ReadWrite, long offset = 0) =>
        Assert.Equal(Errno.None, TryMap(pages, file, shared, address, prot, offset));

    public Errno TryMap(
        long pages, MemoryFile? file = null, bool shared = true, ulong address = Base, Prot prot = Prot.ReadWrite, long offset = 0)
    {
        ulong bytes = (ulong)pages << (file?.PageShift ?? PageSize.BaseShift);
        return Kernel.Run(
            new MapMemory(Main, address, bytes, new MapRequest(prot, file, file is not null && shared, (ulong)offset * Page))).Error;
    }

    public UserfaultContext Open(UffdFeatures features = UffdFeatures.None, UffdOpenFlags flags = UffdOpenFlags.NonBlock)
    {
        UserfaultContext context = Kernel.Attach(new UserfaultContext(Mm, flags, _contexts++));
        Assert.Equal(
            Errno.None, Kernel.Run(new Handshake(Main, context, new UffdioApi { Api = Uffd.ApiMagic, Features = (ulong)features })).Error);
        return context;
    }

    public Register Register(UserfaultContext context, RegisterModes modes, long first = 0, long pages = 4, long stride = 1) =>
        Kernel.Run(new Register(Main, context, At(first), (ulong)(pages * stride) * Page, (ulong)modes));

    public Fill Fill(
        UserfaultContext context, FillKind kind, long page = 0, long pages = 1, byte value = 7, FillModes modes = FillModes.None,
        Caller? caller = null)
    {
        Fill fill = new(caller ?? Main);
        fill.Begin(context, kind, At(page), (ulong)pages * Page, kind == FillKind.Copy ? FillSource.Stamp(value) : FillSource.Zero, modes);
        return Kernel.Run(fill);
    }

    public Access Touch(Caller thread, long page, AccessKind kind = AccessKind.Read, byte value = 1)
    {
        Access access = new(thread);
        access.Begin(At(page), kind, value);
        return Kernel.Run(access);
    }

    public ReadMessages Read(UserfaultContext context, int messages = 16) =>
        Kernel.Run(new ReadMessages(Main, context, (ulong)(messages * UffdMsg.SizeInBytes)));

    public Errno Wake(UserfaultContext context, long page, long pages = 1) =>
        Kernel.Run(new Wake(Main, context, At(page), (ulong)pages * Page)).Error;

    public Errno Protect(UserfaultContext context, WriteProtectModes modes, long page = 0, long pages = 1) =>
        Kernel.Run(new WriteProtect(Main, context, At(page), (ulong)pages * Page, (ulong)modes)).Error;

    public Entry EntryAt(long page) => Mm.EntryAt(PageSize.PageOf(At(page)));

    public void Dispose()
    {
        Mm.Dispose();
        foreach (MemoryFile file in _files) file.Dispose();
        Machine.Dispose();
    }
}
