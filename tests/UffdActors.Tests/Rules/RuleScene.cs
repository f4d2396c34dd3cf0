using UffdActors.Abi;
using UffdActors.Actors;
using UffdActors.Dispatch.Stepping;
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

namespace UffdActors.Tests.Rules;

/// <summary>
/// A few pages and threads as actors on the stepped dispatcher, in an order drawn from a seed; looking and acting are turns of their own.
/// </summary>
internal sealed class RuleScene : IDisposable
{
    public const ulong Base = 0x1000_0000_0000;
    public const ulong Page = PageSize.Base;

    private readonly List<MemoryFile> _files = [];
    private readonly List<AddressSpace> _spaces = [];
    private int _threads;

    public RuleScene(SteppedSystem system, ulong seed, KernelProfile? profile = null)
    {
        Machine = new Machine(profile ?? KernelProfile.Linux618, ContentKind.Runs, basePages: 4096);
        Kernel = new SteppedKernel(system, Machine, new RandomPolicy(seed), splitsTurns: true);
        Mm = Kernel.Attach(new AddressSpace(Machine));
        _spaces.Add(Mm);
        Main = Kernel.Attach(new Caller(Mm));
    }

    public Machine Machine { get; }

    public SteppedKernel Kernel { get; }

    public AddressSpace Mm { get; }

    public Caller Main { get; }

    public static ulong At(long page) => Base + ((ulong)page * Page);

    public Caller Thread() => Kernel.Attach(new Caller(Mm, ++_threads, _threads));

    public MemoryFile NewFile(long pages)
    {
        MemoryFile file = new Shmem().CreateFile(Machine, pages << PageSize.BaseShift);
        _files.Add(file);
        return file;
    }

    public T Do<T>(T operation)
        where T : Operation
    {
        Kernel.Submit(operation);
        Kernel.Run();
        return operation;
    }

    public void Map(long first, long pages, MemoryFile? file = null, bool shared = true) => Assert.Equal(
        Errno.None,
        Do(new MapMemory(
            Main, At(first), (ulong)pages * Page,
            new MapRequest(Prot.ReadWrite, file, file is not null && shared, (ulong)first * Page * (file is null ? 0u : 1u)))).Error);

    public UserfaultContext Open(UffdFeatures features = UffdFeatures.None)
    {
        UserfaultContext context = Kernel.Attach(new UserfaultContext(Mm, UffdOpenFlags.NonBlock));
        Assert.Equal(Errno.None, Do(new Handshake(Main, context, new UffdioApi { Api = Uffd.ApiMagic, Features = (ulong)features })).Error);
        return context;
    }

    public Register Register(UserfaultContext context, RegisterModes modes, long first, long pages) =>
        new(Main, context, At(first), (ulong)pages * Page, (ulong)modes);

    public static Fill Fill(
        Caller caller, UserfaultContext context, FillKind kind, long first, long pages = 1, byte value = 7, FillSource? source = null)
    {
        Fill fill = new(caller);
        FillSource from = source ?? (kind == FillKind.Copy ? FillSource.Stamp(value) : FillSource.Zero);
        fill.Begin(context, kind, At(first), (ulong)pages * Page, from);
        return fill;
    }

    public static Access Access(Caller thread, long page, AccessKind kind = AccessKind.Read, byte value = 9)
    {
        Access access = new(thread);
        access.Begin(At(page), kind, value);
        return access;
    }

    /// <summary>
    /// Starts operations together and runs until all is quiet; what <paramref name="afterStep"/> demands holds after every step.
    /// </summary>
    public void RunTogether(IEnumerable<Operation> operations, Action? afterStep = null)
    {
        foreach (Operation operation in operations) Kernel.Submit(operation);
        while (Kernel.Loop.Step()) afterStep?.Invoke();
        Kernel.Run();
    }

    /// <summary>Reads all messages, as a monitor would.</summary>
    public IReadOnlyList<UffdMsg> Read(UserfaultContext context) => Do(new ReadMessages(Main, context, 64 * UffdMsg.SizeInBytes)).Messages;

    public Entry EntryAt(long page) => Mm.EntryAt(PageSize.PageOf(At(page)));

    public byte ByteAt(long page)
    {
        Entry entry = EntryAt(page);
        return entry.Kind is EntryKind.File or EntryKind.Anon ? Machine.BaseFolios.ReadByte(entry.Folio, 0) : (byte)0;
    }

    /// <summary>A child's address space takes part in the accounting, and is disposed of with the scene.</summary>
    public void Adopt(AddressSpace child) => _spaces.Add(child);

    /// <summary>
    /// When all is quiet: every folio in use is in exactly as many places as it has owners, nothing is present outside a mapping, and a
    /// page of a file is the one that its cache has. So nothing was lost, freed twice, or left behind.
    /// </summary>
    public void AssertAccounted(long pages = 64)
    {
        Dictionary<uint, int> owners = [];
        foreach (AddressSpace mm in _spaces)
        {
            for (long page = 0; page < pages; page++) Account(mm, PageSize.PageOf(At(page)), owners);
        }

        foreach (MemoryFile file in _files)
        {
            for (long i = 0; i < pages; i++)
            {
                if (file.SlotAt(i) is { IsPresent: true } slot) owners[slot.Folio] = owners.GetValueOrDefault(slot.Folio) + 1;
            }
        }

        Assert.Equal(owners.Count, Machine.BaseFolios.InUse);
        foreach ((uint folio, int count) in owners) Assert.Equal(count > 1, Machine.BaseFolios.IsShared(folio));
    }

    private static void Account(AddressSpace mm, long page, Dictionary<uint, int> owners)
    {
        Entry entry = mm.EntryAt(page);
        if (mm.Map.Find(page) is not { } vma)
        {
            Assert.Equal(Entry.None, entry);
            return;
        }

        if (entry.Kind == EntryKind.Anon) owners[entry.Folio] = owners.GetValueOrDefault(entry.Folio) + 1;
        if (entry.Kind != EntryKind.File) return;
        CacheSlot slot = vma.File!.SlotAt(vma.FileIndexOf(page));
        Assert.True(slot.IsPresent, $"page {page:x} maps a page that its file does not have");
        Assert.Equal(slot.Folio, entry.Folio);
    }

    public void Dispose()
    {
        Kernel.Dispose();
        foreach (AddressSpace mm in _spaces) mm.Dispose();
        foreach (MemoryFile file in _files) file.Dispose();
        Machine.Dispose();
    }
}
