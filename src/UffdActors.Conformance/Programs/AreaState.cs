namespace UffdActors.Conformance.Programs;

/// <summary>A VMA.</summary>
/// <param name="Start">First address.</param>
/// <param name="Bytes">Length.</param>
/// <param name="PageBytes">Page size.</param>
/// <param name="Modes">Registered modes.</param>
internal readonly record struct AreaState(ulong Start, ulong Bytes, ulong PageBytes, RegisterModes Modes);
