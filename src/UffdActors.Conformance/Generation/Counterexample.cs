using System.Globalization;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;

namespace UffdActors.Conformance.Generation;

/// <summary>A program on which a kernel differs from the sequential one.</summary>
/// <param name="Choices">The stream that makes the program again.</param>
/// <param name="Program">The program, with what the sequential kernel showed.</param>
/// <param name="Mismatches">What differed; empty if something threw instead.</param>
/// <param name="Problem">The first difference, or the exception.</param>
internal sealed record Counterexample(IReadOnlyList<int> Choices, Trace Program, IReadOnlyList<Mismatch> Mismatches, string Problem)
{
    /// <summary>The problem, and the program line by line.</summary>
    public override string ToString() =>
        Problem + "\n" + string.Join('\n', Program.Steps.Select(s => TraceWriter.ToText(s.Step))) + "\nchoices: "
        + string.Join(',', Choices.Select(c => c.ToString(CultureInfo.InvariantCulture)));
}
