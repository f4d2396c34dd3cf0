using System.Runtime.CompilerServices;
using UffdActors.Model.Memory;
using UffdActors.Model.Turns;

namespace UffdActors.Model.Mapping;

/// <summary>
/// <c>mm_struct</c>: the published map of VMAs, the page table, and the lock under which both change shape. In its turns VMAs are made,
/// split, merged and removed.
/// </summary>
/// <remarks>
/// Published, readable from any thread: <see cref="Map"/>, entries, <see cref="IsAlive"/>. Everything else belongs to its turns.
/// </remarks>
internal class AddressSpace : Owner, IDisposable
{
    private readonly WordTable _entries;
    private readonly Stack<VmaOwner> _spareOwners = [];
    private readonly Queue<Operation> _lockWaiters = [];
    private readonly Dictionary<MemoryModule, Backend> _backends = [];
    private readonly List<Operation> _spinning = [];
    private readonly Lock _spinGate = new();
    private volatile VmaMap _map = VmaMap.Empty;
    private volatile bool _alive = true;
    private Operation? _lockHolder;
    private int _owners;

    /// <summary>Makes an empty address space.</summary>
    public AddressSpace(Machine machine, int number = 0)
        : this(machine, number, new GuardSet())
    {
    }

    internal AddressSpace(Machine machine, int number, GuardSet guards)
    {
        ArgumentNullException.ThrowIfNull(machine);
        Machine = machine;
        Number = number;
        Guards = guards;
        _entries = new WordTable(machine.WideEntries);
        PageTables = new PageTables(_entries);
    }

    /// <summary>The machine.</summary>
    public Machine Machine { get; }

    /// <summary>Names the address space in reports.</summary>
    public int Number { get; }

    /// <summary>The VMAs as they are now. A change publishes another map.</summary>
    public VmaMap Map => _map;

    /// <summary>False once the process has exited; its contexts answer ESRCH from then on.</summary>
    public bool IsAlive => _alive;

    /// <summary>Native bytes of the page table.</summary>
    public long BookkeepingBytes => _entries.AllocatedBytes;

    /// <summary>Guard words of the threads.</summary>
    internal GuardSet Guards { get; }

    /// <summary>Which parts of the page table exist.</summary>
    internal PageTables PageTables { get; }

    /// <summary>The page table, for walks over ranges.</summary>
    internal WordTable Entries => _entries;

    /// <summary>The entry of a base page; of a huge page, that of its first base page.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Entry EntryAt(long page) => new(_entries.Get(page));

    /// <summary>Writes an entry. In a turn of the VMA's owner, or with that owner held.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void SetEntry(long page, Entry entry) => _entries.Set(page, entry.Word);

    /// <summary>Takes the lock of the address space (<c>mmap_lock</c> for writing) for an operation, or queues it.</summary>
    /// <returns>True if the operation has the lock; false if it is queued and will be resumed in a turn of this owner.</returns>
    internal bool TryLock(Operation operation)
    {
        _lockHolder ??= operation;
        if (ReferenceEquals(_lockHolder, operation)) return true;
        _lockWaiters.Enqueue(operation);
        return false;
    }

    /// <summary>Gives the lock to the next in line.</summary>
    internal void Unlock()
    {
        _ = _lockWaiters.TryDequeue(out _lockHolder);
        _lockHolder?.Resume();
    }

    /// <summary>Publishes a map (RING R1: before anything is said about it).</summary>
    internal void Publish(VmaMap map)
    {
        _map = map;
        RetrySpinning();
    }

    /// <summary>An owner for a new VMA: one without a VMA if there is one, else a new one.</summary>
    internal VmaOwner NewOwner()
    {
        if (_spareOwners.TryPop(out VmaOwner? spare)) return spare;
        VmaOwner owner = MakeOwner(_owners++);
        Spawn(owner);
        return owner;
    }

    /// <summary>Keeps an owner whose VMA is gone for reuse. It forwards operations that are still in its queue.</summary>
    internal void Retire(VmaOwner owner) => _spareOwners.Push(owner);

    /// <summary>The owners without a VMA, kept for reuse.</summary>
    internal IEnumerable<VmaOwner> SpareOwners => _spareOwners;

    /// <summary>The module's presence in this address space.</summary>
    internal Backend BackendOf(MemoryModule module)
    {
        if (_backends.TryGetValue(module, out Backend? backend)) return backend;
        backend = new Backend(module);
        Spawn(backend);
        _backends.Add(module, backend);
        return backend;
    }

    /// <summary>True if a VMA of this address space maps memory of the module.</summary>
    public bool Uses(MemoryModule module)
    {
        foreach (Vma vma in Map.Vmas)
        {
            if (vma.File?.Module == module) return true;
        }

        return false;
    }

    /// <summary>True if a VMA of this address space is registered with the context.</summary>
    internal bool HasRegistered(Registrant context)
    {
        foreach (Vma vma in Map.Vmas)
        {
            if (vma.Context == context) return true;
        }

        return false;
    }

    /// <summary>The process has exited.</summary>
    internal void Die() => _alive = false;

    /// <summary>Keeps an access that the kernel would repeat without end, until something changes.</summary>
    internal void Spin(Operation access)
    {
        lock (_spinGate) _spinning.Add(access);
    }

    /// <summary>Something has changed: the accesses that <see cref="Spin"/> kept are decided again.</summary>
    internal void RetrySpinning()
    {
        if (_spinning.Count == 0) return;
        Operation[] again;
        lock (_spinGate)
        {
            again = [.. _spinning];
            _spinning.Clear();
        }

        foreach (Operation access in again) access.Resume();
    }

    /// <summary>Gives back the page table and the folios of private pages. No operation may be under way.</summary>
    public void Dispose()
    {
        GC.SuppressFinalize(this);
        foreach (Vma vma in Map.Vmas)
        {
            if (vma.Store.HasIdentity) FreePrivatePages(vma);
            vma.Owner.FreeLimbo();
        }

        foreach (VmaOwner spare in _spareOwners) spare.FreeLimbo();
        _map = VmaMap.Empty;
        _entries.Dispose();
    }

    private void FreePrivatePages(Vma vma)
    {
        for (long page = vma.Range.Start; page < vma.Range.End;)
        {
            Entry entry = new(_entries.Run(page, vma.Range.End, out long length));
            if (entry.Kind == EntryKind.Anon) vma.Store.Free(entry.Folio);
            page += length;
        }
    }

    /// <inheritdoc />
    public override string ToString() => $"mm {Number}";

    /// <summary>Makes an owner.</summary>
    [MutationPoint("RING R3")]
    internal virtual VmaOwner MakeOwner(int number) => new(this, number);

    /// <summary>The owners through which a fence passes before an event is queued: those of all VMAs (RING R4).</summary>
    [MutationPoint("RING R4")]
    internal virtual IEnumerable<VmaOwner> OwnersToFence() => Map.Vmas.ToArray().Select(vma => vma.Owner);
}
