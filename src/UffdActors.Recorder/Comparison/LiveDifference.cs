using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;

namespace UffdActors.Recorder.Comparison;

/// <summary>A program on which this kernel and the model differ.</summary>
/// <param name="Program">The program, with what the model shows.</param>
/// <param name="Recorded">The same, with what the kernel showed, as far as it came.</param>
/// <param name="Problem">The first difference.</param>
internal sealed record LiveDifference(Trace Program, Trace Recorded, Mismatch Problem)
{
    private const string OfThread = "].";

    /// <summary>
    /// True if another program differs in the same way: at a step of the same kind, in the same field, of whichever thread, and where the
    /// field says how a call ended, in the same ends. A program that differs in anything else shows another difference.
    /// </summary>
    public bool IsLike(LiveDifference other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Kind() == other.Kind();
    }

    private (ProgramOp? Op, bool IsOfThread, string Field, string Expected, string Actual) Kind()
    {
        // Which thread a step has woken is a number that shrinking lowers.
        int thread = Problem.Field.IndexOf(OfThread, StringComparison.Ordinal);
        string field = thread < 0 ? Problem.Field : Problem.Field[(thread + OfThread.Length)..];
        ProgramOp? op = Program.Steps.FirstOrDefault(s => s.Step.Index == Problem.Step)?.Step.Op;
        return (op, thread >= 0, field, EndOf(field, Problem.Expected), EndOf(field, Problem.Actual));
    }

    // An errno, a signal, "blocked", a minus sign, "hangs", "the process died of signal": what stands before numbers and details.
    private static string EndOf(string field, string value)
    {
        if (value == Differ.Absent) return value;
        if (field is not ("ret" or "err" or "res" or "wait" or "end")) return "";
        return string.Concat(value.TakeWhile(c => c != ':' && !char.IsAsciiDigit(c)));
    }
}
