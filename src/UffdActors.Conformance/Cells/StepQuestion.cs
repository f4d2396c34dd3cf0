using UffdActors.Abi;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Userfault;

namespace UffdActors.Conformance.Cells;

/// <summary>A question in the terms of a trace: whether a step, at its place in its program, asks the same.</summary>
/// <param name="Cell">The question.</param>
/// <param name="Before">State of its page.</param>
/// <param name="Answer">The answer that a step must have been recorded with.</param>
internal sealed record StepQuestion(Cell Cell, PageStanding? Before, StepAnswer Answer)
{
    /// <summary>True if a step does the operation, with its arguments, on any page.</summary>
    public bool IsAskedBy(ProgramStep step) => step.Pointer == ArgumentPointer.Good && Cell.Operation.Call switch
    {
        CellCall.Copy => step.Op == ProgramOp.Copy && step.Word == FillWord,
        CellCall.ZeroPage => step.Op == ProgramOp.Zeropage && step.Word == FillWord,
        CellCall.Continue => step.Op == ProgramOp.Continue && step.Word == FillWord,
        CellCall.Poison => step.Op == ProgramOp.Poison && step.Word == FillWord,
        CellCall.Protect => step.Op == ProgramOp.Writeprotect && step.Word == (ulong)WriteProtectModes.Protect,
        CellCall.Unprotect => step.Op == ProgramOp.Writeprotect && step.Word == (ulong)WriteProtectModes.Clear,
        CellCall.Move => step is { Op: ProgramOp.Move, Word: 0 },
        CellCall.Wake => step.Op == ProgramOp.Wake,
        CellCall.Register => step.Op == ProgramOp.Register && step.Word == (ulong)Cell.Modes,
        CellCall.Unregister => step.Op == ProgramOp.Unregister,
        CellCall.Read or CellCall.Write => step.Op == ProgramOp.Access && step.Kind == Cell.Operation.Name,
        CellCall.DontNeed => step is { Op: ProgramOp.Madvise, Kind: "DONTNEED" },
        CellCall.Free => step is { Op: ProgramOp.Madvise, Kind: "FREE" },
        CellCall.Remove => step is { Op: ProgramOp.Madvise, Kind: "REMOVE" },
        CellCall.Punch => step.Op == ProgramOp.Punch,
        CellCall.Truncate => step.Op == ProgramOp.Truncate,
        CellCall.Fork => step.Op == ProgramOp.Fork,
        _ => throw new InvalidOperationException($"No step of a program is said to do {Cell.Operation.Call}."),
    };

    /// <summary>
    /// The pages for which a step with the operation asks the question: alone in its range, and in the question's state.
    /// </summary>
    public IEnumerable<long> PagesOf(ProgramStep step, ModelExecutor model)
    {
        // A child's pages are not registered.
        if (step.Thread is { } thread && model.Children.Contains(thread)) return [];
        AddressSpace mm = model.MainSpace;
        return step.Op switch
        {
            ProgramOp.Punch or ProgramOp.Truncate =>
                mm.Map.Vmas.ToArray().Where(v => v.File == model.FileOf(step.Number))
                    .SelectMany(v => PagesOf(v).Where(p => IsOfFile(v, p, step))).Where(Stands),
            // A fork has no range: it is about every page.
            ProgramOp.Fork => mm.Map.Vmas.ToArray().SelectMany(PagesOf).Where(Stands),
            ProgramOp.Access =>
                mm.Map.Find(PageSize.PageOf(step.Address)) is { } vma
                    ? new[] { vma.HeadOf(PageSize.PageOf(step.Address)) }.Where(Stands)
                    : [],
            _ => mm.Map.Find(PageSize.PageOf(step.Address)) is { } vma && IsRange(vma, step) && HasGoodSource(vma, step, model)
                ? new[] { PageSize.PageOf(step.Address) }.Where(Stands)
                : [],
        };

        bool Stands(long page) => mm.Map.Find(page) is { } vma && IsVma(vma, step, model) && PageStanding.Of(mm, page) == Before;
    }

    private ulong FillWord => Cell.Operation.WithWp ? (ulong)FillModes.WriteProtect : (ulong)FillModes.None;

    private static IEnumerable<long> PagesOf(Vma vma)
    {
        for (long page = vma.Range.Start; page < vma.Range.End; page += vma.Stride) yield return page;
    }

    // REGISTER checks mappings only, so a range of many pages of one mapping asks the same.
    private static bool IsRange(Vma vma, ProgramStep step) =>
        step.Address % (ulong)vma.PageBytes == 0
        && (step.Op == ProgramOp.Register
            ? step.Length > 0 && step.Length % (ulong)vma.PageBytes == 0 && step.Length <= PageSize.AddressOf(vma.Range.End) - step.Address
            : step.Length == (ulong)vma.PageBytes);

    private static bool IsOfFile(Vma vma, long page, ProgramStep step)
    {
        ulong offset = (ulong)vma.FileIndexOf(page) << vma.PageShift;
        return step.Op == ProgramOp.Truncate ? offset >= step.Length : step.Second == offset && step.Length == (ulong)vma.PageBytes;
    }

    // The call has a source that can be read, so that its result is about the destination.
    private static bool HasGoodSource(Vma vma, ProgramStep step, ModelExecutor model)
    {
        TraceHeader header = model.Header;
        return step.Op switch
        {
            ProgramOp.Copy when vma.IsHuge =>
                step.Other >= header.HugeSource && step.Other < header.HugeSource + (2 * (ulong)PageSize.Huge)
                    && step.Other % PageSize.Huge == 0,
            ProgramOp.Copy =>
                step.Other >= header.Source && step.Other < header.Source + (16 * (ulong)PageSize.Base) && step.Other % PageSize.Base == 0,
            ProgramOp.Move => model.MainSpace.Map.Find(PageSize.PageOf(step.Other)) is { IsAnonymous: true, Prot: Prot.ReadWrite }
                && step.Other % step.Length == 0
                && model.MainSpace.EntryAt(PageSize.PageOf(step.Other)) is { Kind: EntryKind.Anon },
            _ => true,
        };
    }

    private bool IsVma(Vma vma, ProgramStep step, ModelExecutor model)
    {
        if (vma.Prot != Prot.ReadWrite || !IsMemory(vma)) return false;
        UserfaultContext? caller = StepSchema.HasHandle(step.Op) ? model.ContextOf(step.Handle) : (UserfaultContext?)vma.Context;
        if (caller is null or { IsChanging: true } || caller.Mm != model.MainSpace || !caller.IsInitialized) return false;
        if (Cell.Operation.IsAccess && caller.IsUserModeOnly) return false;
        UffdFeatures relevant = Cell.RelevantFeatures;
        if ((InForce(caller.Features) & relevant) != (InForce(Cell.Features) & relevant)) return false;
        bool isNew = Cell is { Operation.Call: CellCall.Register, State: { Protected: false, Poisoned: false } };
        return isNew ? vma.Context is null : vma.Context == caller && vma.Modes == Cell.Modes;
    }

    // WP_ASYNC implies WP_UNPOPULATED's markers.
    private static UffdFeatures InForce(UffdFeatures features) =>
        (features & UffdFeatures.WpAsync) != 0 ? features | UffdFeatures.WpUnpopulated : features;

    private bool IsMemory(Vma vma)
    {
        if (vma.File is not { } file) return !Cell.Memory.HasCache;
        return Cell.Memory.NewModule?.Invoke() is { Facts: var facts }
            && facts.Name == file.Module.Facts.Name && facts.PageShift == file.PageShift
            && vma.IsShared == Cell.Memory.IsShared;
    }
}
