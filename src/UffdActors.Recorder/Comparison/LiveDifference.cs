using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;

namespace UffdActors.Recorder.Comparison;

/// <summary>A program on which this kernel and the model differ.</summary>
/// <param name="Program">The program, with what the model shows.</param>
/// <param name="Recorded">The same, with what the kernel showed, as far as it came.</param>
/// <param name="Problem">The first difference.</param>
internal sealed record LiveDifference(Trace Program, Trace Recorded, Mismatch Problem);
