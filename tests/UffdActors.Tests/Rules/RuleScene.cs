using UffdActors.Abi;
using UffdActors.Actors;
using UffdActors.Dispatch.Stepping;
using UffdActors.Model;
using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;
using UffdActors.Testing.Scenes;

namespace UffdActors.Tests.Rules;

/// <summary>
/// A scene as actors on the stepped dispatcher, in an order drawn from a seed; looking and acting are turns of their own.
/// </summary>
internal sealed class RuleScene : MemoryScene<SteppedKernel>
{
    private readonly List<AddressSpace> _children = [];
    private int _threads;

    public RuleScene(SteppedSystem system, ulong seed, KernelProfile? profile = null)
        : this(system, seed, new Machine(profile ?? KernelProfile.Linux618, ContentKind.Runs, basePages: 4096))
    {
    }

    private RuleScene(SteppedSystem system, ulong seed, Machine machine)
        : base(machine, new SteppedKernel(system, machine, new RandomPolicy(seed), splitsTurns: true))
    {
    }

    public Caller Thread() => Kernel.Attach(new Caller(Mm, ++_threads, _threads));

    public MemoryFile NewFile(long pages) => NewFile(new Shmem(), pages);

    public void Map(long first, long pages, MemoryFile? file = null, bool shared = true) =>
        Assert.Equal(Errno.None, TryMap(pages, file, shared, At(first), offset: file is null ? 0 : first));

    public Register Register(UserfaultContext context, RegisterModes modes, long first, long pages) =>
        NewRegister(context, modes, first, pages);

    public static Fill Fill(
        Caller caller, UserfaultContext context, FillKind kind, long first, long pages = 1, byte value = 7, FillSource? source = null) =>
        NewFill(caller, context, kind, first, pages, value, source: source);

    public static Access Access(Caller thread, long page, AccessKind kind = AccessKind.Read, byte value = 9) =>
        NewAccess(thread, page, kind, value);

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

    public byte ByteAt(long page)
    {
        Entry entry = EntryAt(page);
        return entry.Kind is EntryKind.File or EntryKind.Anon ? Machine.BaseFolios.ReadByte(entry.Folio, 0) : (byte)0;
    }

    /// <summary>A child's address space takes part in the accounting, and is disposed of with the scene.</summary>
    public void Adopt(AddressSpace child) => _children.Add(child);

    /// <summary>
    /// When all is quiet: every folio in use is in exactly as many places as it has owners, nothing is present outside a mapping, and a
    /// page of a file is the one that its cache has. So nothing was lost, freed twice, or left behind.
    /// </summary>
    public void AssertAccounted(long pages = 64)
    {
        Dictionary<uint, int> owners = [];
        foreach (AddressSpace mm in _children.Prepend(Mm))
        {
            for (long page = 0; page < pages; page++) Account(mm, PageSize.PageOf(At(page)), owners);
        }

        foreach (MemoryFile file in Files)
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

    public override void Dispose()
    {
        Kernel.Dispose();
        foreach (AddressSpace mm in _children) mm.Dispose();
        base.Dispose();
    }
}
