using System.Globalization;
using UffdActors.Conformance.Generation;
using UffdActors.Conformance.Programs;

namespace UffdActors.Recorder.Comparison;

/// <summary>Records generated programs as traces: each twice in fresh processes, and kept only if both recordings are equal.</summary>
/// <param name="live">Where programs are executed.</param>
/// <param name="conditions">The machine.</param>
internal sealed class Recording(LiveComparison live, LiveConditions conditions)
{
    /// <summary>Records one program.</summary>
    /// <param name="about">Its class.</param>
    /// <param name="seed">Its seed.</param>
    /// <param name="steps">Its length.</param>
    /// <param name="problem">Why it is not kept; null if it is.</param>
    /// <returns>The trace, named as the file that it belongs into; null if it is not kept.</returns>
    public Trace? Record(ProgramClass about, ulong seed, int steps, out string? problem)
    {
        ArgumentNullException.ThrowIfNull(about);
        GeneratorSettings settings = new() { Class = about, Steps = steps, Profile = conditions.Profile };
        Trace program = LiveProgram.Prepare(ProgramGenerator.Generate(new Choices(seed), settings), conditions);
        program = program with
        {
            Name = string.Create(CultureInfo.InvariantCulture, $"{about.Name}-{seed}.jsonl"),
            Header = program.Header with { Seed = (long)seed },
        };
        Trace first = live.Record(program, out Conformance.Replay.Mismatch? ended);
        Trace? second = ended is null ? live.Record(program, out ended) : null;
        problem = ended is not null ? $"step {ended.Step}: {ended.Actual}"
            : TraceWriter.ToText(first) == TraceWriter.ToText(second!) ? null
            : "two recordings differ";
        return problem is null ? first : null;
    }
}
