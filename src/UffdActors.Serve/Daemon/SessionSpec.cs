using System.Text.Json.Serialization;
using UffdActors.Model.Inputs;

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

    /// <summary>Faults of a guest that are worked on at a time (<see cref="SessionOptions.MaxFaults"/>), from 1 on.</summary>
    public int MaxFaults { get; init; } = SessionOptions.DefaultMaxFaults;

    /// <summary>Path of the pages that are fetched ahead for each guest (<see cref="SnapshotWorkingSet"/>); null for none.</summary>
    public string? WorkingSet { get; init; }

    /// <summary>
    /// Path to which those are recorded that the first guest asks for; null for none. May be the same, which is written once.
    /// </summary>
    public string? RecordWorkingSet { get; init; }

    /// <summary>Milliseconds for which a guest is recorded, or until it ends; from 1 on.</summary>
    public long RecordForMs { get; init; } = 30_000;

    /// <summary>Bytes a second that are fetched ahead for each guest; 0 for as fast as it goes.</summary>
    public long BytesPerSecond { get; init; }

    /// <summary>Pages that its guests have instead of those of the files; no page twice.</summary>
    public IReadOnlyList<OverlayFile> Overlay { get; init; } = [];

    /// <summary>For how long a guest is recorded.</summary>
    [JsonIgnore]
    internal TimeSpan RecordTime => TimeSpan.FromMilliseconds(RecordForMs);

    /// <summary>The permissions as bits.</summary>
    [JsonIgnore]
    internal UnixFileMode Mode => (UnixFileMode)Convert.ToInt32(SocketMode, 8);

    /// <summary>The files that its guests are served from.</summary>
    [JsonIgnore]
    internal IReadOnlyList<string> Files => [Memory, .. Diffs, .. Overlay.Select(o => o.File).Distinct()];

    /// <summary>How each of its guests is served, but for what they share: cache and working set.</summary>
    internal SessionOptions Options => new() { MemoryPath = Memory, Diffs = Diffs, OnFailure = OnFailure, MaxFaults = MaxFaults };

    /// <summary>True if another one is the same in all that it says.</summary>
    internal bool IsSame(SessionSpec other) =>
        this with { Diffs = other.Diffs, Overlay = other.Overlay } == other && Diffs.SequenceEqual(other.Diffs)
            && Overlay.SequenceEqual(other.Overlay);

    /// <summary>The working set that its guests share; null without one.</summary>
    /// <exception cref="ServeException">Its file cannot be read.</exception>
    internal SnapshotWorkingSet? OpenWorkingSet()
    {
        if (WorkingSet is null && RecordWorkingSet is null) return null;
        try
        {
            return new SnapshotWorkingSet(WorkingSet, RecordWorkingSet) { RecordFor = RecordTime, BytesPerSecond = BytesPerSecond };
        }
        catch (InputFileException e)
        {
            throw new ServeException($"Working set \"{WorkingSet}\" cannot be read: {e.Message}.", e);
        }
    }

    /// <summary>The overlay's pages, read now.</summary>
    /// <exception cref="ServeException">A file of it cannot be read.</exception>
    internal IReadOnlyList<OverlayPages> ReadOverlay() => [.. Overlay.Select(o => o.Read())];

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
            {
                string field = file == Memory ? "memory" : Diffs.Contains(file) ? "diffs" : "overlay";
                throw new ServeException($"{field}: \"{Shown(file ?? "null")}\" is no path from the root on.");
            }
        }

        if (!Enum.IsDefined(OnFailure)) throw new ServeException("onFailure: write \"freeze\" or \"kill\".");
        bool isOctal = SocketMode.Length is > 0 and <= 4 && SocketMode.All(c => c is >= '0' and <= '7');
        if (!isOctal || Mode > (UnixFileMode)511 || (Mode & UnixFileMode.UserWrite) == 0)
            throw new ServeException($"socketMode: \"{Shown(SocketMode)}\" lets nobody connect; write it as 0600 or 0660.");
        if (MaxGuests is < 1 or > GuestServerOptions.MostSessions)
            throw new ServeException($"maxGuests: {MaxGuests} is not from 1 to {GuestServerOptions.MostSessions}.");
        if (RecordForMs < 1) throw new ServeException($"recordForMs: {RecordForMs} is not from 1 on.");
        if (BytesPerSecond < 0) throw new ServeException($"bytesPerSecond: {BytesPerSecond} is not from 0 on.");
        foreach ((string name, string? path) in new[] { ("workingSet", WorkingSet), ("recordWorkingSet", RecordWorkingSet) })
        {
            if (path is not null && (!Path.IsPathRooted(path) || path.Contains('\0', StringComparison.Ordinal)))
                throw new ServeException($"{name}: \"{Shown(path)}\" is no path from the root on.");
        }

        if (MaxFaults < 1) throw new ServeException($"maxFaults: {MaxFaults} is not from 1 on.");
    }

    private static string Shown(string text) => Dialects.LayoutReader.Shown(text);
}
