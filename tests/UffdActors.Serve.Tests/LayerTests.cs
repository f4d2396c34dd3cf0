using UffdActors.Model.Inputs;
using UffdActors.Serve.Content;

namespace UffdActors.Serve.Tests;

/// <summary>A memory file with diffs over it, and with pages of a session's own.</summary>
[Collection(ServeCollection.Name)]
public sealed class LayerTests(VmmPrograms programs)
{
    [SkippableFact]
    public async Task What_a_diff_stores_overrides_what_is_below_zeros_too()
    {
        VmmPrograms.Require();
        await using ServeScene scene = Layered();
        await using VmmProcess vmm = scene.Start("firecracker-1.16", ServeScene.Bytes, "2");
        Assert.Contains("verified", await vmm.EndAsync(), StringComparison.Ordinal);
        _ = await scene.NextAsync(ServeEventKind.Began);
        SessionFigures figures = (await scene.NextAsync(ServeEventKind.Ended)).Session!.Figures();
        // Of the holes of the memory file, those that a diff stores are content.
        long stored = Enumerable.Range(0, (int)ServeScene.Pages).Count(page => page % 16 is < 8 or >= 12 || page % 5 == 1);
        Assert.Equal(stored, figures.ContentPages);
        Assert.Equal(ServeScene.Pages - stored, figures.ZeroPages);
        Assert.Empty(scene.Descriptors());
    }

    [SkippableTheory]
    [InlineData("memory")]
    [InlineData("diff-1")]
    [InlineData("diff-2")]
    public async Task Whichever_file_is_written_to_freezes_the_guest(string written)
    {
        VmmPrograms.Require();
        await using ServeScene scene = Layered();
        await using VmmProcess vmm = scene.Start("firecracker-1.16", ServeScene.Bytes, "1", "waits");
        _ = await scene.NextAsync(ServeEventKind.Began);
        string file = Path.Combine(Path.GetDirectoryName(scene.Memory)!, written);
        using (FileStream stream = new(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite)) stream.WriteByte(1);
        await vmm.GoOnAsync();
        ServeEvent note = await scene.NextAsync(ServeEventKind.Note);
        Assert.Equal(SessionNoteKind.Frozen, note.NoteKind);
        Assert.Contains($"\"{file}\" has been written to while it was served", note.Message, StringComparison.Ordinal);
        Assert.True(vmm.IsAlive);
        vmm.Kill();
    }

    [SkippableFact]
    public async Task A_session_has_pages_of_its_own_over_the_file()
    {
        VmmPrograms.Require();
        long[] own = [3, 9, 511, 512, 513, 1023];
        await using ServeScene scene = new(programs, how: o =>
        {
            SnapshotFile.Write(
                o.MemoryPath, ServeScene.Pages,
                page => own.Contains(page) ? PageKind.Wrong : page % 16 is >= 8 and < 12 ? PageKind.Hole : PageKind.Right);
            return o with
            {
                Overlay =
                [
                    .. own.Where(page => page is not (512 or 513)).Select(page => new OverlayPages(page * 4096, SnapshotFile.PageOf(page))),
                    new OverlayPages(512 * 4096, (byte[])[.. SnapshotFile.PageOf(512), .. SnapshotFile.PageOf(513)]),
                ],
            };
        });
        await using VmmProcess vmm = scene.Start("firecracker-1.16", ServeScene.Bytes, "2");
        Assert.Contains("verified", await vmm.EndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_answer_that_spans_pages_of_the_session_is_cut_around_them()
    {
        Overlay overlay = new(
            [new OverlayPages(5 * 4096, SnapshotFile.PageOf(1)), new OverlayPages(7 * 4096, SnapshotFile.PageOf(2))], pages: 100);
        Answers answers = new();
        OverlaidReceiver receiver = new(overlay, new PageOrder(9, 0, 0, 8, Urgency.Push, 0, CancellationToken.None), 2, answers);
        receiver.Received(9, 1, 6, SourceContent.Bytes, 0x10000);
        receiver.Received(9, 7, 1, SourceContent.Zero, 0);
        Assert.Equal([(1, 2), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1)], answers.All.Select(a => ((int)a.First, a.Pages)));
        Assert.Equal([0x10000, overlay.RunAt(5, 1).Address, 0x13000, overlay.RunAt(7, 1).Address, 0x15000, 0],
            answers.All.Select(a => (nint?)a.Address));
        overlay.Dispose();
    }

    [Theory]
    [InlineData(1, 4096, "is not of whole pages")]
    [InlineData(4096, 100, "is not of whole pages")]
    [InlineData(8 * 4096, 4096, "reaches beyond the 8 pages")]
    [InlineData(4096, 8192, "has page 2 of the memory file twice")]
    public void An_overlay_that_is_none_of_the_file_is_refused(long offset, int bytes, string sentence) => Assert.Contains(
        sentence,
        Assert.Throws<ServeException>(
            () => new Overlay([new OverlayPages(offset, new byte[bytes]), new OverlayPages(8192, new byte[4096])], 8)).Message,
        StringComparison.Ordinal);

    [Fact]
    public void A_diff_of_another_size_is_refused_and_parts_of_pages_are_found()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("uffd-layers-");
        try
        {
            string memory = Path.Combine(folder.FullName, "memory");
            string diff = Path.Combine(folder.FullName, "diff");
            SnapshotFile.Write(memory, 16);
            SnapshotFile.Write(diff, 17);
            Assert.Contains(
                "a diff is as long as the memory", Assert.Throws<ServeException>(() => MemoryLayers.Open(memory, [diff])).Message,
                StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        Assert.Equal(100, new StoredRanges([(100, 50)], 8192).PartOfPage);
        Assert.Equal(4196, new StoredRanges([(0, 4196)], 8192).PartOfPage);
        Assert.Null(new StoredRanges([(0, 4196)], 4196).PartOfPage);
    }

    [Fact]
    public void What_is_in_the_page_cache_of_a_file_that_was_written_to_is_not_served_either()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("uffd-layers-");
        try
        {
            string memory = Path.Combine(folder.FullName, "memory");
            SnapshotFile.Write(memory, 16);
            using MemoryFile file = MemoryFile.Open(memory);
            byte[] room = new byte[4096];
            Assert.True(file.TryReadCached(0, room));
            using (FileStream other = new(memory, FileMode.Open, FileAccess.Write, FileShare.ReadWrite)) other.WriteByte(1);
            Assert.False(file.TryReadCached(0, room));
            _ = Assert.Throws<PageLostException>(() => file.Read(0, room));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // Every fifth page of the memory file is wrong, and so is every second of those in the first diff; the second diff has it.
    private ServeScene Layered() => new(programs, how: o =>
    {
        string folder = Path.GetDirectoryName(o.MemoryPath)!;
        SnapshotFile.Write(
            o.MemoryPath, ServeScene.Pages,
            page => page % 16 is >= 8 and < 12 ? PageKind.Hole : page % 5 == 1 ? PageKind.Wrong : PageKind.Right);
        string[] diffs = [Path.Combine(folder, "diff-1"), Path.Combine(folder, "diff-2")];
        SnapshotFile.Write(
            diffs[0], ServeScene.Pages, page => page % 10 == 1 ? PageKind.Wrong : page % 5 == 1 ? PageKind.Right : PageKind.Hole);
        SnapshotFile.Write(diffs[1], ServeScene.Pages, page => page % 10 == 1 ? PageKind.Right : PageKind.Hole);
        return o with { Diffs = diffs };
    });

    private sealed class Answers : IPageReceiver
    {
        public List<(long First, int Pages, nint Address)> All { get; } = [];

        public void Received(long id, long firstPage, int pages, SourceContent content, nint address) =>
            All.Add((firstPage, pages, address));

        public void Failed(long id, Exception reason)
        {
        }
    }
}
