using System.Globalization;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;
using UffdActors.Conformance.Runs;
using UffdActors.Model;
using UffdActors.Model.Turns;

namespace UffdActors.Conformance.Cells;

/// <summary>
/// The recorded traces, searched for a step that answers a question: the traces are replayed, and the first step that does the question's
/// operation on a page in the question's state, and was recorded with the answer, shows it.
/// </summary>
/// <param name="traces">
/// The traces, in the order of the search; read up to the first that shows an answer.
/// </param>
internal sealed class RecordedSteps(IEnumerable<RecordedFile> traces)
{
    private const string RegisterRefused = "REGISTER: EINVAL";

    /// <summary>The first step that shows what Linux 6.18 answers; null if none does.</summary>
    /// <remarks>Where REGISTER already refuses what the question presupposes, a step that shows that refusal.</remarks>
    /// <exception cref="ConformanceDataException">The traces cannot be read.</exception>
    /// <exception cref="TraceFormatException">A trace violates the format.</exception>
    public RecordedCell? Find(Cell cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        using CellScene asked = new(KernelProfile.Linux618, cell);
        string failure = asked.Prepare();
        if (failure == RegisterRefused)
        {
            Cell register = cell with { State = CellState.Find("none")!, Operation = CellOperation.Find("register")! };
            return Find(register) is { } refusal ? refusal with { Result = failure, Out = null } : null;
        }

        if (failure.Length > 0) return null;
        PageStanding? before = asked.Standing;
        (string result, string outField) = asked.Do();
        StepQuestion question = new(cell, before, new StepAnswer(result, outField, asked.Standing, asked.ChildStanding));
        return traces.Select(file => Find(question, file)).FirstOrDefault(found => found is not null);
    }

    private static RecordedCell? Find(StepQuestion question, RecordedFile file)
    {
        Trace trace = file.Trace!;
        if (!trace.Steps.Any(s => question.IsAskedBy(s.Step))) return null;
        using ModelExecutor model = new(trace.Header, KernelProfile.Linux618, _ => new SequentialKernel());
        Differ differ = new(trace.Name);
        List<SleepingStep> asleep = [];
        for (int i = 0; i < trace.Steps.Count; i++)
        {
            TraceStep step = trace.Steps[i];
            if (!model.CanExecute(step.Step)) throw TraceReplay.CannotExecute(trace, i);
            long[] pages = question.IsAskedBy(step.Step) ? [.. question.PagesOf(step.Step, model)] : [];
            SleepingStep? sleeper = pages.Length > 0 && step.Expected.Wait is not null
                ? SleepingStep.Of(step, i, model.MainSpace.Map.Find(pages[0])!, pages[0]) : null;
            differ.Compare(step.Step.Index, step.Expected, model.Execute(step.Step));
            // From here on the replay differs from the recording, so the states of pages are unknown.
            if (differ.Mismatches.Count > 0) return null;
            foreach (SleepingStep slept in asleep)
            {
                if (slept.MessageIn(step, model) is { } message && StepAnswer.FlagsOf(message) == question.Answer.Result)
                    return Found(slept.Step, slept.Position, $"a fault; step {step.Step.Index} reads {message}");
            }

            _ = asleep.RemoveAll(s => s.IsOverAfter(step, model));
            if (!pages.Any(page => question.Answer.IsShownAt(page, step, model))) continue;
            if (step.Expected.Wait is null) return Found(step, i, TextOf(step.Expected));
            if (sleeper is not null) asleep.Add(sleeper);
        }

        return null;

        RecordedCell Found(TraceStep step, int position, string gave) => new(
            file.Name, position + 2, $"{TraceWriter.ToText(step.Step)} gave {gave}", question.Answer.Result, question.Answer.Out,
            step.Step.Index);
    }

    private static string TextOf(Observation o) =>
        $"{o.Error ?? o.Result ?? o.Return?.ToString(CultureInfo.InvariantCulture)}{(o.Out is { } outField ? $", out {outField}" : "")}";
}
