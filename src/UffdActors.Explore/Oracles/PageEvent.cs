namespace UffdActors.Explore.Oracles;

/// <summary>Something that happened to a page between two steps.</summary>
/// <param name="Kind">What.</param>
/// <param name="Value">The value that was read or written.</param>
/// <param name="Start">Step in which it began.</param>
/// <param name="End">Step in which its end was known; <see cref="int.MaxValue"/> if it never ended.</param>
internal readonly record struct PageEvent(PageEventKind Kind, ulong Value, int Start, int End);
