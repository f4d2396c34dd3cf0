using UffdActors.Model.Mapping;
using UffdActors.Model.Paging;
using UffdActors.Model.Turns;

namespace UffdActors.Model.Operations.Maps;

/// <summary>
/// MADV_POPULATE_WRITE over memory that is not registered: every page is there and writable afterwards. For memory that a program sets up
/// itself; a userfault ends the call with EFAULT instead of sleeping.
/// </summary>
internal sealed class PopulateMemory : MapCall
{
    private const int PagesPerTurn = 4096;
    private readonly PageRange _range;

    /// <summary>Makes the call.</summary>
    public PopulateMemory(Caller caller, PageRange range)
        : base(caller) => _range = range;

    private protected override IEnumerable<Owner?> Stages()
    {
        const AccessKind Write = AccessKind.Write | AccessKind.Kernel;
        yield return Mm;
        for (long page = _range.Start; page < _range.End;)
        {
            if (Mm.Map.Find(page) is not { } vma)
            {
                Error = Errno.ENOMEM;
                yield break;
            }

            VmaOwner owner = vma.Owner;
            yield return owner;
            while (owner.IsHeld)
            {
                owner.Stash(this);
                yield return null;
            }

            long end = Math.Min(Math.Min(_range.End, vma.Range.End), page + (PagesPerTurn * vma.Stride));
            for (; page < end && Error == Errno.None && owner.VmaAt(page) is not null; page += vma.Stride)
            {
                while (Error == Errno.None && Mmu.Decide(Mm, page, Write, out _, out _, out _) is var verdict and not Verdict.Hit)
                {
                    if (vma.IsAnonymous) Mm.PageTables.Make(page);
                    Error = verdict == Verdict.Populate ? Populate.Run(owner, page, Write) : Errno.EFAULT;
                }
            }

            if (Error != Errno.None) yield break;
        }
    }
}
