using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Paging;
using UffdActors.Model.Turns;

namespace UffdActors.Model.Operations.Maps;

/// <summary>
/// The process ends: its memory is freed, its contexts return ESRCH from then on, and no event is raised (SEMANTICS 6.5). To be called by
/// its last thread.
/// </summary>
internal sealed class ExitProcess : MapCall
{
    /// <summary>Makes the call.</summary>
    public ExitProcess(Caller caller)
        : base(caller)
    {
    }

    private protected override IEnumerable<Owner?> Stages()
    {
        foreach (Owner? next in Lock(Mm)) yield return next;
        Mm.Die();
        PageRange all = new(0, WordTable.Length);
        Vma[] vmas = Mm.Map.Vmas.ToArray();
        List<VmaOwner> held = [];
        foreach (Owner? next in Hold(Mm, all, held)) yield return next;
        Mm.Publish(VmaMap.Empty);
        foreach (Owner? next in AwaitGuards(Mm, all)) yield return next;
        foreach (Vma vma in vmas)
        {
            Zap.Run(vma, vma.Range, ZapCause.Unmap);
            vma.File?.RemoveMapper(Mm);
        }

        foreach (Owner? next in Release(Mm, held)) yield return next;
        Mm.Unlock();
    }
}
