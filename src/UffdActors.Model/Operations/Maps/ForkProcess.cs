using UffdActors.Abi;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Operations.Maps;

/// <summary>
/// The memory part of fork(2) (SEMANTICS 6.9): copies map and entries, shares private pages, and for each
/// context that asked for EVENT_FORK makes a context of the child and waits until the event has been read.
/// </summary>
internal sealed class ForkProcess : MapCall
{
    private readonly int _number;
    private readonly Func<UserfaultContext, int> _numberContext;
    private readonly UserfaultContext[] _inherited;

    /// <summary>Makes the call.</summary>
    /// <param name="caller">Thread that forks.</param>
    /// <param name="number">Names the child's address space.</param>
    /// <param name="numberContext">Names the child's context of a parent's context.</param>
    /// <param name="descriptors">
    /// Contexts that the process has descriptors of. The child's file table has copies of them from the start, and the child closes them
    /// as soon as it runs; so closing one of the parent's while fork waits for its events is not the last close (SEMANTICS 6.9.5).
    /// </param>
    public ForkProcess(
        Caller caller, int number, Func<UserfaultContext, int>? numberContext = null, IEnumerable<UserfaultContext>? descriptors = null)
        : base(caller)
    {
        _number = number;
        _numberContext = numberContext ?? (parent => parent.Number);
        _inherited = [.. descriptors ?? []];
    }

    /// <summary>The child's address space; known once the memory is copied, before the events are read.</summary>
    public AddressSpace? Child { get; private set; }

    private protected override IEnumerable<Owner?> Stages()
    {
        foreach (UserfaultContext context in _inherited) context.AddReference();
        foreach (Owner? next in Lock(Mm)) yield return next;
        List<(UserfaultContext Parent, UserfaultContext Child)> contexts = [];
        AddressSpace child = new(Mm.Machine, _number);
        Mm.Spawn(child);

        List<VmaOwner> held = [];
        foreach (Owner? next in Hold(Mm, new PageRange(0, WordTable.Length), held)) yield return next;
        Vma[] vmas = [.. Mm.Map.Vmas.ToArray().Where(vma => !vma.IsLeftOutOfForks)];
        foreach (Vma vma in vmas) SharePages(vma);
        foreach (Owner? next in AwaitGuards(Mm, new PageRange(0, WordTable.Length))) yield return next;

        UserfaultContext?[] registered = [.. vmas.Select(vma => ContextOf(vma, child, contexts))];

        // The owners of the child's VMAs are made in a turn of the child; the parent's are held meanwhile, so their entries do not change.
        yield return child;
        List<Vma> copies = [];
        for (int i = 0; i < vmas.Length; i++)
        {
            Vma copy = Copy(vmas[i], child, registered[i]);
            copies.Add(copy);
            vmas[i].File?.AddMapper(child);
            if (copy.HasWp || vmas[i].Anon is not null) CopyEntries(vmas[i], copy, child);
        }

        child.Publish(VmaMap.Of(copies));
        yield return Mm;
        Child = child;
        foreach (Owner? next in Release(Mm, held)) yield return next;
        Mm.Unlock();

        foreach ((UserfaultContext parent, UserfaultContext made) in contexts)
        {
            ContextEvent fork = new(UffdEvent.Fork, 0, 0, 0, made, this);
            foreach (Owner? next in Await(parent, fork)) yield return next;
        }

        foreach (UserfaultContext context in _inherited) ReleaseContext.AfterLastReference(context, Caller);
    }

    private static void SharePages(Vma vma)
    {
        if (vma.IsShared) return;
        AddressSpace mm = vma.Owner.Mm;
        for (long page = vma.Range.Start; page < vma.Range.End;)
        {
            Entry entry = new(mm.Entries.Run(page, vma.Range.End, out long length));
            long count = vma.IsHuge ? vma.Stride : length;
            if (entry.Kind == EntryKind.Anon)
            {
                // An earlier write may have made the anon_vma of this mapping before it was moved.
                vma.PrepareAnon(mm.Map);
                vma.Store.Share(entry.Folio);
                if (vma.IsHuge) mm.SetEntry(page, entry.WithShared(true));
                else mm.Entries.Fill(page, count, entry.WithShared(true).Word);
            }

            page += count;
        }
    }

    private UserfaultContext? ContextOf(
        Vma vma, AddressSpace child, List<(UserfaultContext Parent, UserfaultContext Child)> contexts)
    {
        if (vma.Context is not UserfaultContext parent || (parent.Features & UffdFeatures.EventFork) == 0) return null;
        foreach ((UserfaultContext known, UserfaultContext made) in contexts)
        {
            if (known == parent) return made;
        }

        UserfaultContext context = new(child, parent.OpenFlags, _numberContext(parent));
        Mm.Spawn(context);
        context.Initialize(parent.Features);
        parent.BeginChange();
        contexts.Add((parent, context));
        return context;
    }

    private static Vma Copy(Vma vma, AddressSpace child, UserfaultContext? context) =>
        vma.WithRegistration(context, context is null ? RegisterModes.None : vma.Modes)
            .MovedTo(vma.Range, vma.Offset, child.NewOwner(), vma.Backend, vma.Anon is null ? null : new AnonVma(ofForkChild: true));

    private void CopyEntries(Vma vma, Vma copy, AddressSpace child)
    {
        if (!vma.IsHuge) child.PageTables.MakeCopied(Mm.PageTables, vma.Range);
        for (long page = vma.Range.Start; page < vma.Range.End;)
        {
            Entry entry = new(Mm.Entries.Run(page, vma.Range.End, out long length));
            long count = vma.IsHuge ? vma.Stride : length;
            Entry inherited = entry.Kind switch
            {
                EntryKind.WpMarker => copy.HasWp ? entry : Entry.None,
                EntryKind.None or EntryKind.Poison => entry,
                _ => copy.HasWp ? entry : entry.WithWp(false),
            };
            if (inherited.Kind != EntryKind.None)
            {
                if (vma.IsHuge) child.SetEntry(page, inherited);
                else child.Entries.Fill(page, count, inherited.Word);
            }

            page += count;
        }
    }
}
