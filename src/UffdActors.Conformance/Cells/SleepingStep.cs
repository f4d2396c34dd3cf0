using System.Globalization;
using System.Text.Json;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Userfault;

namespace UffdActors.Conformance.Cells;

/// <summary>A step whose access sleeps in a fault. Which fault it is was recorded only once its message was read.</summary>
/// <param name="Step">The step.</param>
/// <param name="Position">Where it stands in its trace.</param>
/// <param name="Context">Context of its message.</param>
/// <param name="Start">First address of the page.</param>
/// <param name="Bytes">Size of the page.</param>
internal sealed record SleepingStep(TraceStep Step, int Position, UserfaultContext Context, ulong Start, ulong Bytes)
{
    /// <summary>
    /// A step that is about to sleep; null if another thread sleeps at the page already, since the two messages could be confused.
    /// </summary>
    public static SleepingStep? Of(TraceStep step, int position, Vma vma, long page)
    {
        SleepingStep sleeper = new(step, position, (UserfaultContext)vma.Context!, PageSize.AddressOf(page), (ulong)vma.PageBytes);
        return sleeper.Context.Waiters().Any(w => sleeper.IsAt(((Access)w).Address)) ? null : sleeper;
    }

    /// <summary>The message of the access, if a step reads it: the first message about the page.</summary>
    public string? MessageIn(TraceStep step, ModelExecutor model) =>
        step.Step.Op == ProgramOp.Read && model.ContextOf(step.Step.Handle) == Context
            ? step.Expected.Messages?.FirstOrDefault(IsOfPage)
            : null;

    /// <summary>
    /// True if the access may have been woken, or its message has been read: a later message need not belong to the step.
    /// </summary>
    public bool IsOverAfter(TraceStep step, ModelExecutor model) =>
        step.Step.Op is not (ProgramOp.Access or ProgramOp.Poll or ProgramOp.Read)
        || step.Expected.Finished?.Any(f => f.Thread == Step.Step.Thread) == true
        || MessageIn(step, model) is not null;

    private bool IsOfPage(string message)
    {
        using JsonDocument json = JsonDocument.Parse(message);
        return json.RootElement.TryGetProperty("addr", out JsonElement address)
            && IsAt(ulong.Parse(address.GetString()!.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
    }

    private bool IsAt(ulong address) => address >= Start && address - Start < Bytes;
}
