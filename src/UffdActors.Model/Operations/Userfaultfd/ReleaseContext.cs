using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Paging;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Operations.Userfaultfd;

/// <summary>
/// What the last close does (SEMANTICS 6.5): unregisters every VMA of the context, clears its write protection, and wakes every waiter and
/// every event producer. No thread gets a signal for it; accesses find ordinary memory.
/// </summary>
internal sealed class ReleaseContext : ControlOperation
{
    private readonly UserfaultContext _context;

    private ReleaseContext(Caller caller, UserfaultContext context)
        : base(caller) => _context = context;

    /// <summary>A sleeping call has ended: drops its reference, and releases the context if it was the last one.</summary>
    public static void AfterLastReference(UserfaultContext context, Caller caller)
    {
        if (!context.RemoveReference()) return;
        ReleaseContext release = new(caller, context);
        release.ParkAt(context.Mm);
        release.Resume();
    }

    private protected override IEnumerable<Owner?> Stages() => Run(_context, this);

    /// <summary>The stages, as part of <paramref name="call"/>.</summary>
    public static IEnumerable<Owner?> Run(UserfaultContext context, ControlOperation call)
    {
        AddressSpace mm = context.Mm;
        foreach (Owner? next in call.Lock(mm)) yield return next;
        if (mm.HasRegistered(context))
        {
            List<VmaOwner> held = [];
            PageRange all = new(0, WordTable.Length);
            foreach (Owner? next in Hold(mm, all, held)) yield return next;
            MapEdit edit = new(mm);
            edit.Change(all, vma =>
            {
                if (vma.Context != context) return vma;
                if (vma.HasWp) Protection.Change(vma, vma.Range, protect: false);
                return vma.WithRegistration(null, RegisterModes.None);
            });
            _ = edit.Publish();
            foreach (Owner? next in Release(mm, held)) yield return next;
        }

        mm.Unlock();
        yield return context;
        context.Release();
    }
}
