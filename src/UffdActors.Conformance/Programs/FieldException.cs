namespace UffdActors.Conformance.Programs;

/// <summary>A field of a trace that means nothing; the message is for the writer of the trace.</summary>
internal sealed class FieldException(string problem) : FormatException(problem);
