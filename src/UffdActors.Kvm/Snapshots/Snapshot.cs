using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using UffdActors.Model.Inputs;
using UffdActors.Model.Memory;

namespace UffdActors.Kvm.Snapshots;

/// <summary>
/// A snapshot that was opened: its state, and its memory over that of its parents. A snapshot is two files: the memory (plain, sparse, as
/// <c>uffd serve --memory</c> and any other handler serves it), and beside it <c>FILE.json</c>, its state.
/// </summary>
/// <remarks>
/// A memory file that has a parent is a layer, as <c>uffd serve --diff</c> takes it: it is as long as the memory, stored pages override the
/// parent's, zeros among them, and a hole says nothing. Opening reads the states and a few pages, however large the memory is.
/// </remarks>
internal sealed class Snapshot : IDisposable
{
    /// <summary>What is added to the name of the memory file.</summary>
    public const string StateSuffix = ".json";

    private const long MostStateBytes = 16L << 20;
    private const int MostLayers = 64;

    private Snapshot(string path, SnapshotDocument document, string stateSha256, SnapshotMemory memory)
    {
        Path = path;
        Document = document;
        StateSha256 = stateSha256;
        Memory = memory;
    }

    /// <summary>Its memory file.</summary>
    public string Path { get; }

    /// <summary>Its state.</summary>
    public SnapshotDocument Document { get; }

    /// <summary>SHA-256 of its state document, by which a child knows it.</summary>
    public string StateSha256 { get; }

    /// <summary>Its memory.</summary>
    public SnapshotMemory Memory { get; }

    /// <summary>Opens a snapshot of a guest program, and all of its parents.</summary>
    /// <param name="path">Its memory file.</param>
    /// <exception cref="KvmSnapshotException">
    /// A file is missing, damaged, of another version, cut short, or of another snapshot, or it is of an embedder's machine.
    /// </exception>
    public static Snapshot Open(string path)
    {
        Snapshot snapshot = OpenAny(path);
        if (snapshot.Document.Guest is not null) return snapshot;
        snapshot.Dispose();
        _ = snapshot.Document.Plan();
        throw new UnreachableException();
    }

    /// <summary>Opens a snapshot of any machine, and all of its parents.</summary>
    /// <param name="path">Its memory file.</param>
    /// <exception cref="KvmSnapshotException">
    /// A file is missing, damaged, of another version, cut short, or of another snapshot.
    /// </exception>
    public static Snapshot OpenAny(string path)
    {
        List<SnapshotLayer> layers = [];
        try
        {
            (SnapshotDocument top, string sha) = ReadState(path, parentOf: null);
            SnapshotDocument document = top;
            string at = path;
            layers.Add(OpenLayer(at, document, top.MemoryBytes));
            while (document.Parent is { } parent)
            {
                if (layers.Count == MostLayers)
                    throw new KvmSnapshotException($"Snapshot \"{path}\" has more than {MostLayers} layers; take a full one.");
                string below = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(at))!, parent.Path);
                (SnapshotDocument next, string nextSha) = ReadState(below, parentOf: at);
                if (nextSha != parent.StateSha256)
                    throw new KvmSnapshotException(
                        $"Snapshot \"{below}\" is not the parent that \"{at}\" was made on; put that one back (its state has the SHA-256 "
                            + $"{parent.StateSha256}).");
                (document, at) = (next, below);
                layers.Add(OpenLayer(at, document, top.MemoryBytes));
            }

            return new Snapshot(path, top, sha, new SnapshotMemory(layers));
        }
        catch
        {
            foreach (SnapshotLayer layer in layers) layer.Dispose();
            throw;
        }
    }

    /// <summary>The sample of a memory file.</summary>
    /// <exception cref="InputFileException">It cannot be read.</exception>
    public static string Sample(SnapshotLayer layer, IReadOnlyList<long> pages)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] bytes = new byte[PageSize.Base];
        foreach (long page in pages)
        {
            layer.Read(page, bytes);
            hash.AppendData(bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <inheritdoc />
    public void Dispose() => Memory.Dispose();

    private static (SnapshotDocument Document, string Sha256) ReadState(string path, string? parentOf)
    {
        string state = path + StateSuffix;
        try
        {
            string json = InputFile.ReadText(state, MostStateBytes);
            return (SnapshotDocument.Read(json), Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(json))));
        }
        catch (Exception e) when (e is InputFileException or KvmSnapshotException)
        {
            string whose = parentOf is null ? "" : $", a parent of \"{parentOf}\",";
            throw new KvmSnapshotException($"State \"{state}\" of a snapshot{whose} cannot be used: {e.Message.TrimEnd('.')}.", e);
        }
    }

    private static SnapshotLayer OpenLayer(string path, SnapshotDocument document, long memoryBytes)
    {
        SnapshotLayer? layer = null;
        try
        {
            layer = SnapshotLayer.Open(path);
            if (layer.Bytes != document.MemoryBytes || layer.Bytes != memoryBytes)
                throw new KvmSnapshotException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"it has {layer.Bytes:N0} bytes, and the guest {Math.Max(memoryBytes, document.MemoryBytes):N0}: it was cut short, or "
                        + $"is another's memory"));
            // Of a layer a hole is the parent's page: where holes were made of zeros, or zeros of holes, it is another memory.
            if (document.Parent is not null && layer.Stored.Pages != document.StoredPages)
                throw new KvmSnapshotException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{layer.Stored.Pages:N0} pages are stored in it, and {document.StoredPages:N0} were; copy layers with a program that "
                        + $"keeps holes as they are"));
            if (Sample(layer, document.Sample.Pages) != document.Sample.Sha256)
                throw new KvmSnapshotException("its content is not that of this snapshot");
            return layer;
        }
        catch (Exception e) when (e is InputFileException or KvmSnapshotException)
        {
            layer?.Dispose();
            throw new KvmSnapshotException($"Memory file \"{path}\" of a snapshot cannot be used: {e.Message.TrimEnd('.')}.", e);
        }
    }
}
