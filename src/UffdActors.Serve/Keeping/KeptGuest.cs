using UffdActors.Linux;
using UffdActors.Linux.Peers;

namespace UffdActors.Serve.Keeping;

/// <summary>
/// A guest that is kept for a successor: its record and journal in the state folder, its descriptors with the service manager.
/// </summary>
internal sealed class KeptGuest : IDisposable
{
    private const string RecordEnding = ".guest.json";
    private const string JournalEnding = ".events";
    private const string WrittenEnding = ".written";
    private static readonly string[] Parts = ["userfaultfd", "process", "connection", "memory"];
    private readonly StateFolder _folder;
    private readonly ServiceManager _manager;
    private readonly EventFile _journal;
    private readonly List<WrittenFile> _written = [];

    private KeptGuest(StateFolder folder, ServiceManager manager, GuestRecord record, EventFile journal)
    {
        _folder = folder;
        _manager = manager;
        _journal = journal;
        Record = record;
    }

    /// <summary>What is written of it.</summary>
    public GuestRecord Record { get; private set; }

    private string Name => NameOf(Record.Session, Record.Number);

    /// <summary>Keeps a guest that has just been handed over. From here on its hand-over has a journal.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static KeptGuest Keep(
        StateFolder folder, ServiceManager manager, string session, int number, HandOver handOver, IReadOnlyList<FileMark> files)
    {
        string name = NameOf(session, number);
        EventFile journal = EventFile.Create(folder.Of(name + JournalEnding));
        try
        {
            foreach (HandedRegion region in handOver.Message.Regions) journal.Add(region.Address, Pages(region));
            KeptGuest kept = new(folder, manager, GuestRecord.Of(session, number, handOver, files), journal);
            // First the record: descriptors without one belong to nobody.
            folder.Write(name + RecordEnding, kept.Record);
            handOver.Journal = journal;
            manager.Keep(kept.DescriptorName(0), handOver.Userfaultfd.Number);
            manager.Keep(kept.DescriptorName(1), handOver.Peer.Descriptor);
            if (handOver.Socket is { } socket) manager.Keep(kept.DescriptorName(2), (int)socket.Handle);
            if (handOver.MemoryFile is { } memory) manager.Keep(kept.DescriptorName(3), memory.Number);
            return kept;
        }
        catch
        {
            journal.Dispose();
            folder.Delete(name + JournalEnding);
            throw;
        }
    }

    /// <summary>True if a predecessor has kept guests.</summary>
    public static bool AreIn(StateFolder folder) => folder.Names(RecordEnding).Count > 0;

    /// <summary>Finds the guests that a predecessor has kept.</summary>
    /// <param name="folder">The state folder.</param>
    /// <param name="manager">The manager.</param>
    /// <param name="problem">Told of what cannot be read.</param>
    public static IReadOnlyList<KeptGuest> Find(StateFolder folder, ServiceManager manager, Action<string> problem)
    {
        List<KeptGuest> guests = [];
        foreach (string file in folder.Names(RecordEnding))
        {
            try
            {
                GuestRecord record = folder.Read<GuestRecord>(file, r =>
                {
                    r.ThrowIfWrong();
                    if (file != NameOf(r.Session, r.Number) + RecordEnding)
                        throw new ServeException($"it is of guest {r.Number} of session \"{r.Session}\"");
                });
                guests.Add(new KeptGuest(
                    folder, manager, record, EventFile.Open(folder.Of(NameOf(record.Session, record.Number) + JournalEnding))));
            }
            catch (Exception e) when (e is ServeException or IOException or SyscallException)
            {
                problem($"A guest of an earlier process cannot be taken back: {e.Message}");
            }
        }

        return guests;
    }

    /// <summary>
    /// Its hand-over as the predecessor had it: descriptors from the manager, or else copied out of the VMM, where the right userfaultfd is
    /// known by the kernel's number of it.
    /// </summary>
    /// <exception cref="UffdException">ESRCH: the VMM has ended.</exception>
    /// <exception cref="HandOverException">It cannot be had.</exception>
    public HandOver TakeBack()
    {
        PeerProcess peer = FindPeer();
        ReceivedDescriptor? userfaultfd = null;
        ReceivedDescriptor? memory = null;
        try
        {
            if (peer.HasEnded) throw new UffdException("pidfd", Errno.ESRCH, $"process {peer.Id} has ended.");
            userfaultfd = _manager.Take(DescriptorName(0)) ?? OutOf(peer, Record.Inode, "userfaultfd", Candidates(peer));
            HandOverMessage message = Record.Message();
            if (Record.MemoryInode is { } inode)
                memory = _manager.Take(DescriptorName(3)) ?? OutOf(peer, inode, "memory file", AllOf(peer), Record.MemoryDevice);
            UffdFeatures features = HandOverReceiver.FeaturesOf(userfaultfd);
            if (features != Record.Features)
                throw new HandOverException(
                    $"its userfaultfd has other features now ({features}) than at its hand-over ({Record.Features})");
            System.Net.Sockets.Socket? socket = null;
            if (_manager.Take(DescriptorName(2)) is { } connection)
                socket = new(new System.Net.Sockets.SafeSocketHandle(connection.Take(), ownsHandle: true));
            return new HandOver(message, userfaultfd, memory, features, peer, socket)
            {
                IsTakenBack = true,
                IsHeld = _manager.KeepsDescriptors,
                Journal = _journal,
                RegisteredAs = [.. Record.Regions.Select(r => r.RegisteredAs)],
            };
        }
        catch
        {
            userfaultfd?.Dispose();
            memory?.Dispose();
            peer.Dispose();
            throw;
        }
    }

    /// <summary>The VMM, to be killed or told of; null if it has ended.</summary>
    public PeerProcess? TryFindPeer()
    {
        try
        {
            return FindPeer();
        }
        catch (Exception e) when (e is UffdException or SyscallException or HandOverException)
        {
            return null;
        }
    }

    /// <summary>Its session has begun: notes what is known since.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Update(HandOver handOver)
    {
        Record = Record with { Regions = GuestRecord.RegionsOf(handOver) };
        _folder.Write(Name + RecordEnding, Record);
    }

    /// <summary>A region that is added to the guest; before its first page is served.</summary>
    public void Add(HandedRegion region) => _journal.Add(region.Address, Pages(region));

    /// <summary>
    /// Notes which pages of a region have got their content through the memory's file: by what a predecessor has noted, or from the
    /// beginning. Before its first page is served.
    /// </summary>
    /// <param name="region">The region.</param>
    /// <param name="number">Its number.</param>
    /// <param name="isServed">A predecessor has served it.</param>
    /// <exception cref="HandOverException">A predecessor has noted nothing; or nothing can be noted.</exception>
    public WrittenJournal Written(HandedRegion region, int number, bool isServed)
    {
        string path = _folder.Of(WrittenName(number));
        try
        {
            // A predecessor that has ended at once had not begun to serve: there is no file, and no registration noted. One of an earlier
            // version may have served, and knows of no such file.
            bool isFresh = !isServed
                || (!File.Exists(path) && Record.MemoryDevice is not null && Record.Regions[number].RegisteredAs is null);
            WrittenFile file = isFresh ? WrittenFile.Create(path, Pages(region)) : WrittenFile.Open(path, Pages(region));
            _written.Add(file);
            return file;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or SyscallException)
        {
            throw new HandOverException(
                isServed
                    ? $"Region {number} of the layout is registered for MINOR alone, and which of its pages the guest has already is not "
                        + $"known ({e.Message.TrimEnd('.')}): they would be written over; it cannot be served on."
                    : $"Region {number} of the layout cannot be kept for a successor: {e.Message.TrimEnd('.')}.",
                e);
        }
    }

    /// <summary>The guest has all its pages, and nothing of it is kept any more.</summary>
    public void Forget()
    {
        _folder.Delete(Name + RecordEnding);
        for (int i = 0; i < Parts.Length; i++) _manager.Forget(DescriptorName(i));
        Dispose();
        _folder.Delete(Name + JournalEnding);
        // One more: a region that was being added.
        for (int i = 0; i <= Record.Regions.Count; i++) _folder.Delete(WrittenName(i));
    }

    /// <inheritdoc />
    /// <remarks>The guest stays kept.</remarks>
    public void Dispose()
    {
        _journal.Dispose();
        foreach (WrittenFile file in _written) file.Dispose();
    }

    /// <summary>Name of a guest's files and descriptors.</summary>
    public static string NameOf(string session, int number) => FormattableString.Invariant($"{session}.{number}");

    private static long Pages(HandedRegion region) => Model.Memory.PageSize.PagesFor(region.Bytes);

    private string WrittenName(int region) => FormattableString.Invariant($"{Name}.{region}{WrittenEnding}");

    private string DescriptorName(int part) => $"{Name}.{Parts[part]}";

    private PeerProcess FindPeer()
    {
        PeerProcess? kept = _manager.Take(DescriptorName(1)) is { } pidfd ? PeerProcess.Of(pidfd, Record.User) : null;
        if (kept is not null && (Record.Process is null || kept.Mark == Record.Process || kept.HasEnded)) return kept;
        kept?.Dispose();
        return PeerProcess.Find(
            Record.Process ?? throw new HandOverException("its VMM is in another PID namespace, and no descriptor of it was kept"));
    }

    // The number that it had first, and then whatever the VMM has: it may have made a copy and closed the first.
    private IEnumerable<int> Candidates(PeerProcess peer) =>
        (Record.Descriptor is { } known ? (IEnumerable<int>)[known] : []).Concat(peer.Userfaultfds());

    private static IEnumerable<int> AllOf(PeerProcess peer)
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries($"/proc/{peer.Id}/fd").Select(f => int.Parse(
                System.IO.Path.GetFileName(f), System.Globalization.CultureInfo.InvariantCulture))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static ReceivedDescriptor OutOf(
        PeerProcess peer, long? inode, string what, IEnumerable<int> candidates, long? device = null)
    {
        if (inode is null)
            throw new HandOverException(
                $"its {what} cannot be identified: this kernel does not number it (5.14 does), and no service manager kept it");
        SyscallException? refusal = null;
        foreach (int number in candidates)
        {
            if (ReceivedDescriptor.InodeOf(peer.Id, number) != inode) continue;
            try
            {
                ReceivedDescriptor copy = peer.Take(number);
                // Looked at again where nobody else can change it.
                if (copy.Inode == inode && (device is null || copy.Device == device)) return copy;
                copy.Dispose();
            }
            catch (SyscallException e)
            {
                refusal = e;
            }
        }

        throw new HandOverException(
            refusal is null
                ? $"no service manager kept its {what}, and process {peer.Id} has none of its own, or this process may not look "
                    + $"(CAP_SYS_PTRACE)"
                : $"its {what} cannot be copied out of process {peer.Id} ({refusal.Error}): run as its user, or with CAP_SYS_PTRACE",
            refusal);
    }
}
