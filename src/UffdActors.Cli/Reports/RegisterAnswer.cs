namespace UffdActors.Cli.Reports;

/// <summary>What UFFDIO_REGISTER says for one kind of memory and one mode, when it is really asked.</summary>
/// <param name="Modes">The modes asked for.</param>
/// <param name="Ioctls">The ioctls that it reports; null if it refuses.</param>
/// <param name="Refusal">Why it refuses; null if it does not.</param>
internal sealed record RegisterAnswer(RegisterModes Modes, UffdIoctls? Ioctls, UffdException? Refusal);
