using UffdActors.Linux.Peers;
using UffdActors.Serve.Dialects;

namespace UffdActors.Serve.Keeping;

/// <summary>
/// A guest as it is kept on disk, so that a later process can go on with it: whose memory it is, where its userfaultfd is found again, and
/// its layout. Which pages the guest has given back is in a journal beside it; which have come, the kernel knows.
/// </summary>
internal sealed record GuestRecord
{
    /// <summary>The version that is written; another one is not understood.</summary>
    public const int CurrentVersion = 1;

    /// <summary>Version of the fields.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>Name of the session.</summary>
    public required string Session { get; init; }

    /// <summary>Number of the guest in the session.</summary>
    public required int Number { get; init; }

    /// <summary>The VMM; null if it is in a PID namespace that is not seen from here.</summary>
    public ProcessMark? Process { get; init; }

    /// <summary>Number of the user that it connected as.</summary>
    public int User { get; init; }

    /// <summary>Number of the VMM's own descriptor of the userfaultfd; null if it has none, or it is not known.</summary>
    public int? Descriptor { get; init; }

    /// <summary>The kernel's number of the userfaultfd; null if the kernel does not tell.</summary>
    public long? Inode { get; init; }

    /// <summary>The kernel's number of the file of the memory; null if it was not handed over.</summary>
    public long? MemoryInode { get; init; }

    /// <summary>The device of that file; null if there is none, or a version has written this that did not note it.</summary>
    public long? MemoryDevice { get; init; }

    /// <summary>Dialect of the hand-over.</summary>
    public required string Dialect { get; init; }

    /// <summary>Modes of the registration.</summary>
    public RegisterModes Modes { get; init; }

    /// <summary>True if the VMM waited for an answer.</summary>
    public bool WantsAnswer { get; init; }

    /// <summary>Features of the userfaultfd.</summary>
    public UffdFeatures Features { get; init; }

    /// <summary>Its regions.</summary>
    public required IReadOnlyList<RegionRecord> Regions { get; init; }

    /// <summary>The files that it is served from.</summary>
    public required IReadOnlyList<FileMark> Files { get; init; }

    /// <summary>Holds that it can be the record of a guest.</summary>
    /// <exception cref="ServeException">It cannot; the message names the field.</exception>
    /// <exception cref="HandOverException">Its regions cannot be a guest's memory.</exception>
    public void ThrowIfWrong()
    {
        if (Version != CurrentVersion)
            throw new ServeException($"version: it is {Version}, and this program understands {CurrentVersion}");
        if ((Modes & ~RegisterModes.All) != 0 || Modes == RegisterModes.None)
            throw new ServeException($"modes: \"{Modes}\" are no modes of a registration");
        if (Process is { Id: < 1 }) throw new ServeException($"process: {Process.Id} is the number of no process");
        if (Files.Any(f => f is null)) throw new ServeException("files: one of them is null");
        if (Regions.Any(r => r is null)) throw new ServeException("regions: one of them is null");
        _ = LayoutReader.Layout([.. Regions.Select((r, i) => LayoutReader.Region(
            i, r.Address, Unsigned(i, "bytes", r.Bytes), Unsigned(i, "fileOffset", r.FileOffset),
            Unsigned(i, "pageBytes", r.PageBytes)))]);
    }

    private static ulong Unsigned(int region, string name, long value) =>
        value >= 0 ? (ulong)value : throw new ServeException($"regions: {name} of region {region} is {value}");

    /// <summary>What the VMM has said.</summary>
    public HandOverMessage Message() => new()
    {
        Dialect = Dialect,
        Modes = Modes,
        WantsAnswer = WantsAnswer,
        Regions = [.. Regions.Select(r => r.Handed)],
    };

    /// <summary>The record of a guest that has just been handed over, or whose session has begun.</summary>
    public static GuestRecord Of(string session, int number, HandOver handOver, IReadOnlyList<FileMark> files) => new()
    {
        Session = session,
        Number = number,
        Process = handOver.Peer.Mark,
        User = handOver.Peer.User,
        Descriptor = handOver.Peer.NumberOf(handOver.Userfaultfd.Number),
        Inode = handOver.Userfaultfd.Inode,
        MemoryInode = handOver.MemoryFile?.Inode,
        MemoryDevice = handOver.MemoryFile?.Device,
        Dialect = handOver.Message.Dialect,
        Modes = handOver.Message.Modes,
        WantsAnswer = handOver.Message.WantsAnswer,
        Features = handOver.Features,
        Regions = RegionsOf(handOver),
        Files = files,
    };

    /// <summary>The regions of a guest, with what is known of their registration.</summary>
    public static IReadOnlyList<RegionRecord> RegionsOf(HandOver handOver) =>
    [
        .. handOver.Message.Regions.Select(
            (r, i) => new RegionRecord(r.Address, r.Bytes, r.FileOffset, r.PageBytes, handOver.RegisteredAs[i])),
    ];
}
