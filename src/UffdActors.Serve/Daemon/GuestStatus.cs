namespace UffdActors.Serve;

/// <summary>The state of a daemon's guest.</summary>
/// <param name="Number">Its number in the session.</param>
/// <param name="Process">Number of its VMM; 0 if that is in a PID namespace that is not seen.</param>
/// <param name="State">How it is.</param>
/// <param name="Dialect">Dialect of its hand-over; null of one that is lost.</param>
/// <param name="Bytes">Bytes of its memory; null of one that is lost.</param>
/// <param name="VmmKeepsCopy">Whether the VMM has a descriptor of its own.</param>
/// <param name="IsTakenBack">True if a predecessor has begun with it.</param>
/// <param name="Figures">Its counters, in the answer to <c>stats</c>; else null.</param>
/// <param name="Problem">Why it is lost; else null.</param>
public sealed record GuestStatus(
    int Number, int Process, GuestState State, string? Dialect, long? Bytes, bool? VmmKeepsCopy, bool IsTakenBack, GuestFigures? Figures,
    string? Problem);
