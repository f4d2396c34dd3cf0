namespace UffdActors.Explore.Reports;

/// <summary>A replay file that cannot be used; the message names the file and what is wrong.</summary>
internal sealed class ReplayFileException(string message, Exception? inner = null) : Exception(message, inner);
