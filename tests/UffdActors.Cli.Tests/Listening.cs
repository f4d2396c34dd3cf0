namespace UffdActors.Cli.Tests;

/// <summary>Whether a command listens already: the socket's file is there a moment before that.</summary>
internal static class Listening
{
    // __SO_ACCEPTCON of linux/net.h, as /proc/net/unix has it.
    private const string AcceptsConnections = "00010000";

    /// <summary>Waits until connections to a Unix socket are accepted.</summary>
    /// <returns>False if that has taken too long.</returns>
    public static bool At(string path, TimeSpan limit) => SpinWait.SpinUntil(() => IsListenedAt(path), limit);

    private static bool IsListenedAt(string path) => File.ReadLines("/proc/net/unix").Any(line =>
        line.EndsWith(" " + path, StringComparison.Ordinal)
            && line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3] == AcceptsConnections);
}
