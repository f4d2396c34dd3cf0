namespace UffdActors.Handling;

/// <summary>A page source's answer makes no sense; the order counts as failed.</summary>
internal sealed class WrongAnswerException(string message) : Exception(message);
