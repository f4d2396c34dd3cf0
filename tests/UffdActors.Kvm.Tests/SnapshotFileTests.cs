using System.Buffers.Binary;
using UffdActors.Kvm.Programs;
using UffdActors.Kvm.Snapshots;

namespace UffdActors.Kvm.Tests;

/// <summary>The files of a snapshot: what is refused, and that no page is ever another than it was.</summary>
public sealed class SnapshotFileTests : IDisposable
{
    private const int Pages = 1024;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("uffd-snapshot-files-");

    [Fact]
    public void A_layer_overrides_its_parent_with_zeros_too_and_says_nothing_where_it_has_a_hole()
    {
        Write("base", null, (1, 11), (2, 12), (3, 13));
        Write("child", "base", (2, 0), (3, 23));
        Write("last", "child", (4, 34));
        using Snapshot snapshot = Snapshot.Open(FileOf("last"));
        Assert.Equal(3, snapshot.Memory.Layers);
        Assert.Equal([0, 11, 0, 23, 34, 0], Enumerable.Range(0, 6).Select(page => FirstByte(snapshot, page)));
    }

    [Fact]
    public void Zeros_of_a_full_snapshot_take_no_room()
    {
        Write("base", null, (1, 11), (2, 0));
        using Snapshot snapshot = Snapshot.Open(FileOf("base"));
        Assert.Equal(1, snapshot.Document.StoredPages);
        Assert.Null(snapshot.Memory.RunAt(2, 1).From);
    }

    [Fact]
    public void A_snapshot_that_is_not_finished_leaves_the_one_before_as_it_was()
    {
        Write("base", null, (1, 11));
        using (SnapshotWriter writer = new(FileOf("base"), Pages, isLayer: false)) writer.Write(1, Page(99));
        Assert.Equal(["base", "base.json"], _folder.GetFiles().Select(f => f.Name).Order());
        using Snapshot snapshot = Snapshot.Open(FileOf("base"));
        Assert.Equal(11, FirstByte(snapshot, 1));
    }

    [Fact]
    public void A_memory_file_that_was_cut_short_is_refused()
    {
        Write("base", null, (1, 11));
        using (FileStream file = new(FileOf("base"), FileMode.Open)) file.SetLength((Pages - 1) << 12);
        Assert.Equal(
            $"Memory file \"{FileOf("base")}\" of a snapshot cannot be used: it has 4,190,208 bytes, and the guest 4,194,304: it was cut "
                + "short, or is another's memory.", Refusal("base"));
    }

    [Theory]
    [InlineData("\"version\": 1", "\"version\": 2", "it has version 2, and this program knows version 1.")]
    [InlineData("uffd-vmm-snapshot-state", "uffd-vmm-run", "it is no document of the kind uffd-vmm-snapshot-state.")]
    [InlineData("\"storedPages\": 1", "\"storedPages\": -1", "it has more stored pages than memory.")]
    [InlineData("\"backend\": \"anon\"", "\"backend\": \"disk\"", "its memory is disk, which no snapshot has.")]
    [InlineData("\"rounds\": 2", "\"rounds\": null", "it is damaged (")]
    [InlineData("\"rounds\": 2", "\"rings\": 2", "it is damaged (")]
    [InlineData("{", "", "it is damaged (")]
    public void A_state_that_is_no_state_is_refused(string was, string now, string says)
    {
        Write("base", null, (1, 11));
        string state = FileOf("base.json");
        string text = File.ReadAllText(state);
        Assert.Contains(was, text, StringComparison.Ordinal);
        File.WriteAllText(state, text.Replace(was, now, StringComparison.Ordinal));
        string refusal = Refusal("base");
        Assert.StartsWith($"State \"{state}\" of a snapshot cannot be used: {says}", refusal, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal);
    }

    [Fact]
    public void What_is_not_there_is_named()
    {
        Write("base", null, (1, 11));
        Write("child", "base", (2, 12));
        Assert.StartsWith($"State \"{FileOf("none.json")}\" of a snapshot cannot be used: ", Refusal("none"), StringComparison.Ordinal);
        File.Delete(FileOf("base"));
        Assert.StartsWith($"Memory file \"{FileOf("base")}\" of a snapshot cannot be used: ", Refusal("child"), StringComparison.Ordinal);
        File.Delete(FileOf("base.json"));
        Assert.StartsWith(
            $"State \"{FileOf("base.json")}\" of a snapshot, a parent of \"{FileOf("child")}\", cannot be used: ", Refusal("child"),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_parent_that_the_layer_was_not_made_on_is_refused()
    {
        Write("base", null, (1, 11));
        Write("child", "base", (2, 12));
        Write("base", null, (1, 11), (5, 15));
        Assert.StartsWith(
            $"Snapshot \"{FileOf("base")}\" is not the parent that \"{FileOf("child")}\" was made on; put that one back", Refusal("child"),
            StringComparison.Ordinal);
    }

    [Fact]
    public void The_memory_of_another_snapshot_is_refused()
    {
        Write("base", null, (1, 11));
        Write("other", null, (1, 12));
        File.Copy(FileOf("other"), FileOf("base"), overwrite: true);
        Assert.EndsWith("its content is not that of this snapshot.", Refusal("base"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_layer_whose_holes_were_filled_or_whose_zeros_became_holes_is_refused(bool isFilled)
    {
        Write("base", null, (1, 11), (2, 12), (3, 13));
        Write("child", "base", (2, 0), (3, 23));
        byte[] all = File.ReadAllBytes(FileOf("child"));
        File.Delete(FileOf("child"));
        using (FileStream file = new(FileOf("child"), FileMode.Create))
        {
            file.SetLength(all.Length);
            for (int page = 0; page < Pages; page++)
            {
                ReadOnlySpan<byte> bytes = all.AsSpan(page << 12, 4096);
                if (!isFilled && !bytes.ContainsAnyExcept((byte)0)) continue;
                file.Position = page << 12;
                file.Write(bytes);
            }
        }

        Assert.EndsWith("copy layers with a program that keeps holes as they are.", Refusal("child"), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_read_from_a_file_that_was_written_to_is_lost_and_no_bytes()
    {
        Write("base", null, (1, 11), (2, 12));
        using Snapshot snapshot = Snapshot.Open(FileOf("base"));
        using SnapshotSource source = new(snapshot.Memory);
        using SnapshotLayer layer = SnapshotLayer.Open(FileOf("base"));
        byte[] room = new byte[4096];
        Assert.True(layer.TryReadCached(1, room));
        using (FileStream file = new(FileOf("base"), FileMode.Open))
        {
            file.Position = (1 << 12) + 8;
            file.WriteByte(1);
        }

        Assert.False(layer.TryReadCached(1, room));
        KvmSnapshotException flaw = Assert.Throws<KvmSnapshotException>(() => snapshot.Memory.ReadPage(1, room));
        Assert.StartsWith(
            $"Memory file \"{FileOf("base")}\" was written to while the guest was served from it", flaw.Message, StringComparison.Ordinal);
        Assert.Same(flaw, Assert.Throws<KvmSnapshotException>(() => snapshot.Memory.ReadPage(2, room)));
        Assert.True(snapshot.Memory.Broken.WaitHandle.WaitOne(TimeSpan.FromMinutes(1)), "whoever serves from it is told");
    }

    [Fact]
    public void A_CPU_without_a_feature_of_the_snapshots_is_another_machine()
    {
        byte[] wanted = [.. Entry(0, 0, 0x68747541, 0x444D4163, 0x69746E65), .. Entry(7, 0, 0x20, 0, 0)];
        Assert.Null(CpuCheck.Problem(wanted, [.. Entry(0, 0, 0x68747541, 0x444D4163, 0x69746E65), .. Entry(7, 0, 0x28, 1, 1)]));
        Assert.Equal(
            "The snapshot was taken on another machine: its CPU has features that this one does not offer (CPUID 0x7, ebx bits 0x20); "
                + "restore it on one of the same.",
            CpuCheck.Problem(wanted, [.. Entry(0, 0, 0x68747541, 0x444D4163, 0x69746E65), .. Entry(7, 0, 8, 0, 0)]));
        Assert.StartsWith(
            "The snapshot was taken on another machine: its CPU is \"AuthenticAMD\", and this one \"\"", CpuCheck.Problem(wanted, []),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Progress_is_counted_in_visits()
    {
        GuestPlan plan = Guests.Plan(ProgramKind.Walk, dataPages: 100, rounds: 2);
        KvmRegs regs = plan.RegsOf(0);
        Assert.Equal(0, GuestMeter.ShareOf(plan, regs));
        regs.Rip = GuestPlan.Code + 20;
        regs.Rcx = 50;
        Assert.Equal(0.25, GuestMeter.ShareOf(plan, regs));
        regs.R8 = 1;
        Assert.Equal(0.75, GuestMeter.ShareOf(plan, regs));
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private string FileOf(string name) => Path.Combine(_folder.FullName, name);

    private string Refusal(string name) => Assert.Throws<KvmSnapshotException>(() => Snapshot.Open(FileOf(name)).Dispose()).Message;

    private static int FirstByte(Snapshot snapshot, long page)
    {
        byte[] room = Page(77);
        snapshot.Memory.ReadPage(page, room);
        return room[0];
    }

    private static byte[] Page(byte value)
    {
        byte[] page = new byte[4096];
        page.AsSpan().Fill(value);
        return page;
    }

    private static byte[] Entry(uint leaf, uint index, uint ebx, uint ecx, uint edx)
    {
        byte[] entry = new byte[40];
        uint[] words = [leaf, index, 0, 0, ebx, ecx, edx];
        for (int i = 0; i < words.Length; i++) BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(i * 4), words[i]);
        return entry;
    }

    private void Write(string name, string? parent, params (long Page, byte Value)[] pages)
    {
        using SnapshotWriter writer = new(FileOf(name), Pages, isLayer: parent is not null);
        foreach ((long page, byte value) in pages) writer.Write(page, Page(value));
        string? sha = null;
        if (parent is not null)
        {
            using Snapshot below = Snapshot.Open(FileOf(parent));
            sha = below.StateSha256;
        }

        _ = writer.Commit((stored, sample) => new SnapshotDocument
        {
            MemoryBytes = Pages << 12,
            StoredPages = stored,
            Sample = sample,
            Backend = "anon",
            Parent = parent is null ? null : new SnapshotDocument.ParentPart(parent, sha!),
            Guest = new SnapshotDocument.GuestPart(ProgramKind.Walk, 1, 2, false, "made"),
            State = new SnapshotDocument.StatePart([1, 2, 3], "", ["0x0000000000000000"], 0, 0, false),
            Expected = new SnapshotDocument.ResultPart(["0x0000000000000001"], "00", 0),
        });
    }
}
