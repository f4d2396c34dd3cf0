using System.Text.Json;
using System.Text.Json.Serialization;
using UffdActors.Kvm.Programs;

namespace UffdActors.Kvm.Snapshots;

/// <summary>
/// The state of a snapshot: everything but the memory, which is a plain file beside it. Written once, when the memory is complete.
/// </summary>
internal sealed record SnapshotDocument
{
    /// <summary>The version that is written, and the only one that is read.</summary>
    public const int CurrentVersion = 1;

    /// <summary>What the document is.</summary>
    public const string DocumentKind = "uffd-vmm-snapshot-state";

    /// <summary>Version of the fields.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>What the document is.</summary>
    public string Kind { get; init; } = DocumentKind;

    /// <summary>Bytes of the guest's memory, and of the memory file.</summary>
    public required long MemoryBytes { get; init; }

    /// <summary>Base pages that are stored in the memory file.</summary>
    public required long StoredPages { get; init; }

    /// <summary>Identifies the memory file as that of this snapshot.</summary>
    public required SamplePart Sample { get; init; }

    /// <summary>Memory that the guest had: <c>anon</c>, <c>shmem</c>, <c>hugetlb</c>.</summary>
    public required string Backend { get; init; }

    /// <summary>What its holes are: pages of the parent, or zeros where there is none.</summary>
    public ParentPart? Parent { get; init; }

    /// <summary>The guest program; null for a machine of an embedder.</summary>
    public required GuestPart? Guest { get; init; }

    /// <summary>Its vCPUs and devices.</summary>
    public required StatePart State { get; init; }

    /// <summary>The result that the guest program has without any interruption; null for a machine of an embedder.</summary>
    public required ResultPart? Expected { get; init; }

    /// <summary>Stored pages, spread over the file, and the SHA-256 of their content.</summary>
    public sealed record SamplePart(IReadOnlyList<long> Pages, string Sha256);

    /// <summary>The snapshot that this one is a layer over.</summary>
    /// <param name="Path">Its memory file, from the folder of this one.</param>
    /// <param name="StateSha256">SHA-256 of its state document, which names it: no other snapshot has the same.</param>
    public sealed record ParentPart(string Path, string StateSha256);

    /// <summary>The guest's program.</summary>
    public sealed record GuestPart(ProgramKind Program, int Vcpus, int Rounds, bool LargePages, string Image);

    /// <summary>State beside memory.</summary>
    /// <param name="Vcpus">Record of the vCPUs (<see cref="KvmMachine.SaveAsync"/>).</param>
    /// <param name="Console">What the guest has written on its console.</param>
    /// <param name="Reported">Checksums that vCPUs have reported, in hexadecimal; 0 for none.</param>
    /// <param name="GivenBack">Pages that it has given back.</param>
    /// <param name="Progress">Share of its visits that it has made, 0 to 1.</param>
    /// <param name="IsLive">The guest ran on while its memory was copied.</param>
    /// <param name="Devices">State of an embedder's devices; null for none.</param>
    public sealed record StatePart(
        byte[] Vcpus, string Console, IReadOnlyList<string> Reported, long GivenBack, double Progress, bool IsLive,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] byte[]? Devices = null)
    {
        private const int MostDeviceBytes = 8 << 20;

        /// <summary>That of an embedder's machine.</summary>
        /// <exception cref="KvmSnapshotException">The state of its devices is too large.</exception>
        public static StatePart OfMachine(ReadOnlyMemory<byte> vcpus, ReadOnlyMemory<byte> devices, bool isLive) =>
            devices.Length > MostDeviceBytes
                ? throw new KvmSnapshotException(FormattableString.Invariant(
                    $"The state of the devices has {devices.Length:N0} bytes, and may have {MostDeviceBytes:N0}."))
                : new StatePart(vcpus.ToArray(), "", [], 0, 0, isLive, devices.IsEmpty ? null : devices.ToArray());
    }

    /// <summary>A result.</summary>
    /// <param name="Checksums">Checksums of the vCPUs, in hexadecimal.</param>
    /// <param name="MemorySha256">SHA-256 of all memory.</param>
    /// <param name="GivenBack">Pages given back.</param>
    public sealed record ResultPart(IReadOnlyList<string> Checksums, string MemorySha256, long GivenBack);

    /// <summary>The guest, as a plan.</summary>
    /// <exception cref="KvmSnapshotException">It is an embedder's machine, of which nothing more is known.</exception>
    public GuestPlan Plan()
    {
        GuestPart guest = Guest ?? throw OfEmbedder();
        return new GuestPlan
        {
            Kind = guest.Program,
            MemoryBytes = MemoryBytes,
            Vcpus = guest.Vcpus,
            Rounds = guest.Rounds,
            LargePages = guest.LargePages,
        };
    }

    /// <summary>The result that the guest program has without any interruption.</summary>
    /// <exception cref="KvmSnapshotException">It is an embedder's machine.</exception>
    public ResultPart Result() => Expected ?? throw OfEmbedder();

    /// <summary>The document as text.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, SnapshotJson.Default.SnapshotDocument) + "\n";

    /// <summary>Reads a document.</summary>
    /// <exception cref="KvmSnapshotException">It is none, or of another version; the message is the reason, without the file.</exception>
    public static SnapshotDocument Read(string json)
    {
        try
        {
            // An unknown version is told as such, whatever else differs with it.
            using JsonDocument any = JsonDocument.Parse(json);
            JsonElement root = any.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("kind", out JsonElement kind)
                || kind.ValueKind != JsonValueKind.String || kind.GetString() != DocumentKind)
                throw new KvmSnapshotException($"it is no document of the kind {DocumentKind}");
            if (!root.TryGetProperty("version", out JsonElement version) || !version.TryGetInt32(out int number))
                throw new KvmSnapshotException("it has no version");
            if (number != CurrentVersion)
                throw new KvmSnapshotException(FormattableString.Invariant(
                    $"it has version {number}, and this program knows version {CurrentVersion}"));
            SnapshotDocument document = root.Deserialize(SnapshotJson.Default.SnapshotDocument)!;
            return document.Problem() is { } problem ? throw new KvmSnapshotException(problem) : document;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new KvmSnapshotException($"it is damaged ({e.Message.TrimEnd('.')})", e);
        }
    }

    private string? Problem()
    {
        if (MemoryBytes <= 0 || MemoryBytes % GuestPlan.PageBytes != 0) return "its memory is not whole pages";
        if (StoredPages < 0 || StoredPages > MemoryBytes / GuestPlan.PageBytes) return "it has more stored pages than memory";
        if (Sample.Pages.Any(p => p < 0 || p >= MemoryBytes / GuestPlan.PageBytes)) return "its sample lies outside the memory";
        if (Backend is not ("anon" or "shmem" or "hugetlb")) return $"its memory is {Backend}, which no snapshot has";
        return Guest is null && Expected is null ? null : ProgramProblem();
    }

    private string? ProgramProblem()
    {
        if (Guest is null || Expected is null) return "it has a guest program without its expected result, or the result alone";
        if (Guest.Vcpus is < 1 or > KvmMachineOptions.MaxVcpus || Guest.Rounds < 1 || !Enum.IsDefined(Guest.Program))
            return "its guest program, or its number of vCPUs or rounds, is out of range";
        if (Plan().Problem() is { } problem) return problem.TrimEnd('.');
        return Expected.Checksums.Count != Guest.Vcpus || State.Reported.Count != Guest.Vcpus
            ? "the number of checksums is not that of the vCPUs"
            : null;
    }

    private static KvmSnapshotException OfEmbedder() => new(
        "The snapshot is of a machine that is no guest program of uffd vmm; it is restored by the program that has taken it.");
}
