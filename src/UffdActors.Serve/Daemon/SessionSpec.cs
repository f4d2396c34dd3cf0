using System.Text.Json.Serialization;

namespace UffdActors.Serve;

/// <summary>What a session of a daemon is: where its VMMs hand over, and what their guests are served from.</summary>
public sealed record SessionSpec
{
    /// <summary>The most characters that a name has.</summary>
    public const int MaxNameLength = 64;

    /// <summary>Its name: letters, digits, hyphens and underscores.</summary>
    public required string Session { get; init; }

    /// <summary>Path of the Unix socket to which its VMMs connect; the folder has to be there.</summary>
    public required string Socket { get; init; }

    /// <summary>Path of the memory file that its guests are served from.</summary>
    public required string Memory { get; init; }

    /// <summary>Paths of diffs over it (<see cref="SessionOptions.Diffs"/>).</summary>
    public IReadOnlyList<string> Diffs { get; init; } = [];

    /// <summary>What becomes of a guest that cannot be served on.</summary>
    public FailurePolicy OnFailure { get; init; }

    /// <summary>Permissions of the socket, octal: who may write may hand over.</summary>
    public string SocketMode { get; init; } = "0600";

    /// <summary>Guests at a time, 1 to <see cref="GuestServerOptions.MostSessions"/>.</summary>
    public int MaxGuests { get; init; } = 256;

    /// <summary>The permissions as bits.</summary>
    [JsonIgnore]
    internal UnixFileMode Mode => (UnixFileMode)Convert.ToInt32(SocketMode, 8);

    /// <summary>The files that its guests are served from.</summary>
    [JsonIgnore]
    internal IReadOnlyList<string> Files => [Memory, .. Diffs];

    /// <summary>How each of its guests is served.</summary>
    internal SessionOptions Options => new() { MemoryPath = Memory, Diffs = Diffs, OnFailure = OnFailure };

    /// <summary>True if another one is the same in all that it says.</summary>
    internal bool IsSame(SessionSpec other) => this with { Diffs = other.Diffs } == other && Diffs.SequenceEqual(other.Diffs);

    /// <summary>Holds that it can be one.</summary>
    /// <exception cref="ServeException">It cannot; the message names the field.</exception>
    internal void ThrowIfWrong()
    {
        if (Session.Length is 0 or > MaxNameLength || !Session.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
            throw new ServeException(
                $"session: a name has 1 to {MaxNameLength} letters, digits, hyphens and underscores, and \"{Shown(Session)}\" has not.");
        if (!Path.IsPathRooted(Socket) || Socket.Contains('\0', StringComparison.Ordinal))
            throw new ServeException($"socket: \"{Shown(Socket)}\" is no path from the root on.");
        foreach (string? file in Files)
        {
            if (file is null || !Path.IsPathRooted(file) || file.Contains('\0', StringComparison.Ordinal))
                throw new ServeException(
                    $"{(file == Memory ? "memory" : "diffs")}: \"{Shown(file ?? "null")}\" is no path from the root on.");
        }

        if (!Enum.IsDefined(OnFailure)) throw new ServeException("onFailure: write \"freeze\" or \"kill\".");
        bool isOctal = SocketMode.Length is > 0 and <= 4 && SocketMode.All(c => c is >= '0' and <= '7');
        if (!isOctal || Mode > (UnixFileMode)511 || (Mode & UnixFileMode.UserWrite) == 0)
            throw new ServeException($"socketMode: \"{Shown(SocketMode)}\" lets nobody connect; write it as 0600 or 0660.");
        if (MaxGuests is < 1 or > GuestServerOptions.MostSessions)
            throw new ServeException($"maxGuests: {MaxGuests} is not from 1 to {GuestServerOptions.MostSessions}.");
    }

    private static string Shown(string text) => Dialects.LayoutReader.Shown(text);
}
