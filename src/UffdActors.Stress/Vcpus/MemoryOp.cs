namespace UffdActors.Stress.Vcpus;

/// <summary>One touch of the page that is visited.</summary>
internal readonly record struct MemoryOp(MemoryOpKind Kind, int Offset, ulong Value = 0);
