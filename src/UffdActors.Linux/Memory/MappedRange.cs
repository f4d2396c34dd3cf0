namespace UffdActors.Linux.Memory;

/// <summary>A mapping of a process, as <c>/proc/PID/maps</c> lists it.</summary>
/// <param name="Start">First address.</param>
/// <param name="End">First address behind it.</param>
/// <param name="Name">What is mapped: a path, or a name of the kernel's in brackets; empty for anonymous memory.</param>
internal readonly record struct MappedRange(ulong Start, ulong End, string Name);
