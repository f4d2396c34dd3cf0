using UffdActors.Testing.ThisMachine;

namespace UffdActors.Serve.Tests;

/// <summary>VMMs in C hand their guests over, each in its dialect, and their guests look at every byte.</summary>
[Collection(ServeCollection.Name)]
public sealed class ClientTests(VmmPrograms programs, HugePages huge)
{
    [SkippableTheory]
    [InlineData("firecracker-1.6", "1")]
    [InlineData("firecracker-1.6", "4")]
    [InlineData("firecracker-1.16", "1")]
    [InlineData("firecracker-1.16", "4")]
    [InlineData("firecracker-1.16", "2", "bytewise")]
    [InlineData("firecracker-1.16", "2", "pretty")]
    [InlineData("firecracker-1.16", "2", "no-copy")]
    [InlineData("e2b", "3")]
    [InlineData("e2b", "3", "sync-wp")]
    [InlineData("e2b", "3", "minor")]
    [InlineData("e2b", "2", "minor", "sync-wp")]
    [InlineData("cloud-hypervisor", "3")]
    public async Task A_guest_finds_every_byte_of_its_file_and_zeros_in_its_holes(string program, string threads, params string[] how)
    {
        VmmPrograms.Require();
        await using ServeScene scene = new(programs);
        await using VmmProcess vmm = scene.Start(program, [ServeScene.Bytes, threads, .. how]);

        string said = await vmm.EndAsync();
        Assert.Contains(
            $"verified {ServeScene.Pages * int.Parse(threads, System.Globalization.CultureInfo.InvariantCulture)} pages", said,
            StringComparison.Ordinal);
        ServeEvent began = await scene.NextAsync(ServeEventKind.Began);
        Assert.Equal(program == "cloud-hypervisor" ? program : "firecracker", began.Session!.Message.Dialect);
        Assert.Equal(how is not ["no-copy"], began.Session.VmmKeepsCopy);
        ServeEvent ended = await scene.NextAsync(ServeEventKind.Ended);
        Assert.Equal(SessionEnd.VmmEnded, ended.End);
        SessionFigures figures = ended.Session!.Figures();
        // A quarter of the file is holes, which are never read.
        Assert.Equal(ServeScene.Pages * 3 / 4, figures.ContentPages);
        Assert.Equal(ServeScene.Pages / 4, figures.ZeroPages);
        // The kernel shows a fault before it looks once more whether the page has come meanwhile: such a fault has its page read again.
        Assert.InRange(figures.BytesRead / 4096, ServeScene.Pages * 3 / 4, (ServeScene.Pages * 3 / 4) + 8);
        Assert.Equal(0, figures.AbsentPages);
        Assert.Empty(scene.Descriptors());
    }

    [SkippableTheory]
    [InlineData]
    [InlineData("sync-wp")]
    [InlineData("no-memfd")]
    public async Task What_the_memory_has_already_is_only_mapped_where_MINOR_is_registered_too(params string[] how)
    {
        VmmPrograms.Require();
        // Two pages are wrong in the file, and right in the memory.
        await using ServeScene scene = new(programs, how: o =>
        {
            SnapshotFile.Write(o.MemoryPath, ServeScene.Pages, page => page % (ServeScene.Pages / 2) == 5 ? PageKind.Wrong
                : page % 16 is >= 8 and < 12 ? PageKind.Hole : PageKind.Right);
            return o;
        });
        await using VmmProcess vmm = scene.Start("e2b", [ServeScene.Bytes, "3", "missing-minor", .. how]);
        Assert.Contains("one page is written", await vmm.EndAsync(), StringComparison.Ordinal);
        _ = await scene.NextAsync(ServeEventKind.Began);
        _ = await scene.NextAsync(ServeEventKind.Ended);
        Assert.Empty(scene.Descriptors());
    }

    [SkippableTheory]
    [InlineData("no-memfd", "no file of its memory came along")]
    [InlineData("hole", "the file of its memory is not allocated in full")]
    public async Task MINOR_alone_without_the_file_of_the_memory_or_with_holes_in_it_is_refused(string how, string sentence)
    {
        VmmPrograms.Require();
        await using ServeScene scene = new(programs);
        await using VmmProcess vmm = scene.Start("e2b", ServeScene.Bytes, "1", "minor", how);
        ServeEvent refused = await scene.NextAsync(ServeEventKind.Refused);
        Assert.Contains("Region 0 of the layout is registered for MINOR alone, and " + sentence, refused.Message, StringComparison.Ordinal);
        _ = await vmm.EndAsync();
        Assert.Empty(scene.Descriptors());
    }

    [SkippableFact]
    public async Task A_VMM_that_connects_again_is_answered_and_its_guest_served_on()
    {
        VmmPrograms.Require();
        await using ServeScene scene = new(programs);
        await using VmmProcess vmm = scene.Start("cloud-hypervisor", ServeScene.Bytes, "2", "again");
        Assert.Equal("answered", await vmm.LineAsync());
        _ = await scene.NextAsync(ServeEventKind.Began);
        await vmm.GoOnAsync();
        Assert.Equal("answered again", await vmm.LineAsync());
        Assert.Contains("has connected again", (await scene.NextAsync(ServeEventKind.Note)).Message, StringComparison.Ordinal);
        Assert.Contains("verified", await vmm.EndAsync(), StringComparison.Ordinal);
        Assert.Equal(SessionEnd.VmmEnded, (await scene.NextAsync(ServeEventKind.Ended)).End);
        Assert.Empty(scene.Descriptors());
    }

    [SkippableTheory]
    [InlineData("adds")]
    [InlineData("adds-bare")]
    [InlineData("adds-again")]
    public async Task Memory_that_is_plugged_in_is_served_from_its_part_of_the_file(string how)
    {
        VmmPrograms.Require();
        await using ServeScene scene = new(programs);
        await using VmmProcess vmm = scene.Start("cloud-hypervisor", ServeScene.Bytes, "2", how);
        Assert.Equal("answered", await vmm.LineAsync());
        GuestSession session = (await scene.NextAsync(ServeEventKind.Began)).Session!;
        Assert.Equal((2, ServeScene.Pages * 3 / 4), (session.Message.Regions.Count, session.Figures().AbsentPages));
        await vmm.GoOnAsync();
        Assert.Equal("added", await vmm.LineAsync());
        Assert.Equal((3, ServeScene.Pages), (session.Message.Regions.Count, session.Figures().AbsentPages));
        await vmm.GoOnAsync();
        Assert.Contains($"verified {2 * ServeScene.Pages} pages", await vmm.EndAsync(), StringComparison.Ordinal);
        ServeEvent next = await scene.NextAnyAsync();
        if (next.Kind == ServeEventKind.Note) next = await scene.NextAnyAsync();
        Assert.Equal(SessionEnd.VmmEnded, next.End);
        Assert.Empty(scene.Descriptors());
    }

    [SkippableFact]
    public async Task Memory_beyond_the_file_is_not_taken_and_the_guest_is_served_on()
    {
        VmmPrograms.Require();
        await using ServeScene scene = new(programs);
        await using VmmProcess vmm = scene.Start("cloud-hypervisor", ServeScene.Bytes, "2", "adds-wrong");
        Assert.Equal("answered", await vmm.LineAsync());
        _ = await scene.NextAsync(ServeEventKind.Began);
        await vmm.GoOnAsync();
        ServeEvent note = await scene.NextAsync(ServeEventKind.Note);
        Assert.Contains("Region 2 of the layout reaches to byte", note.Message, StringComparison.Ordinal);
        Assert.Contains("stays asleep", note.Message, StringComparison.Ordinal);
        Assert.Equal("added", await vmm.LineAsync());
        await vmm.GoOnAsync();
        Assert.Contains("verified", await vmm.EndAsync(), StringComparison.Ordinal);
        Assert.Equal(SessionEnd.VmmEnded, (await scene.NextAsync(ServeEventKind.Ended)).End);
    }

    [SkippableFact]
    public async Task A_guest_with_one_fault_at_a_time_finds_every_byte_and_may_give_some_back()
    {
        VmmPrograms.Require();
        await using ServeScene scene = new(programs, how: o => o with { MaxFaults = 1 });
        await using VmmProcess vmm = scene.Start("firecracker-1.16", ServeScene.Bytes, "4", "balloon");
        Assert.Contains("balloon verified", await vmm.EndAsync(), StringComparison.Ordinal);
        _ = await scene.NextAsync(ServeEventKind.Began);
        Assert.Equal(SessionEnd.VmmEnded, (await scene.NextAsync(ServeEventKind.Ended)).End);
    }

    [SkippableFact]
    public async Task What_a_balloon_gives_back_is_zeros_when_it_is_touched_again()
    {
        VmmPrograms.Require();
        await using ServeScene scene = new(programs);
        await using VmmProcess vmm = scene.Start("firecracker-1.16", ServeScene.Bytes, "2", "balloon");
        Assert.Equal(2, (await vmm.EndAsync()).Split('\n').Count(line => line == "balloon verified"));
        _ = await scene.NextAsync(ServeEventKind.Began);
        Assert.Equal(ServeScene.Pages / 4, (await scene.NextAsync(ServeEventKind.Ended)).Session!.Figures().Events);
    }

    [SkippableFact]
    public async Task Huge_pages_are_served_whole_and_given_back()
    {
        VmmPrograms.Require();
        huge.Require();
        const long Pages = 4 * 512;
        await using ServeScene scene = new(programs, pages: Pages);
        await using VmmProcess vmm = scene.Start("firecracker-1.16", $"{Pages * 4096}", "2", "huge", "balloon");
        Assert.Contains("balloon verified", await vmm.EndAsync(), StringComparison.Ordinal);
        Assert.Equal(2 << 20, (await scene.NextAsync(ServeEventKind.Began)).Session!.Message.Regions[0].PageBytes);
        _ = await scene.NextAsync(ServeEventKind.Ended);
    }

    [SkippableFact]
    public async Task Several_guests_are_served_at_the_same_time()
    {
        VmmPrograms.Require();
        await using ServeScene scene = new(programs);
        List<VmmProcess> vmms = [];
        foreach (string program in new[] { "firecracker-1.16", "firecracker-1.16", "firecracker-1.16" })
            vmms.Add(scene.Start(program, ServeScene.Bytes, "2", "waits"));
        foreach (VmmProcess vmm in vmms) Assert.Equal("handed over", await vmm.LineAsync());
        for (int i = 0; i < vmms.Count; i++) _ = await scene.NextAsync(ServeEventKind.Began);
        Assert.Equal(vmms.Select(v => v.Id).Order(), scene.Server.Sessions.Select(s => s.Session.ProcessId).Order());
        vmms.Add(scene.Start("cloud-hypervisor", ServeScene.Bytes, "2"));
        foreach (VmmProcess vmm in vmms.Take(3)) await vmm.GoOnAsync();
        foreach (VmmProcess vmm in vmms) _ = await vmm.EndAsync();
        _ = await scene.NextAsync(ServeEventKind.Began);
        for (int i = 0; i < vmms.Count; i++)
            Assert.Equal(SessionEnd.VmmEnded, (await scene.NextAsync(ServeEventKind.Ended)).End);
        foreach (VmmProcess vmm in vmms) await vmm.DisposeAsync();
        Assert.Empty(scene.Descriptors());
    }

    [SkippableTheory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(100)]
    [InlineData(2000)]
    public async Task A_VMM_that_dies_at_any_moment_ends_its_session_and_leaves_nothing(int pages)
    {
        VmmPrograms.Require();
        await using ServeScene scene = new(programs);
        await using VmmProcess vmm = scene.Start("firecracker-1.16", ServeScene.Bytes, "4", "dies-after", $"{pages}");
        await vmm.DeathAsync();
        _ = await scene.NextAsync(ServeEventKind.Began);
        Assert.Equal(SessionEnd.VmmEnded, (await scene.NextAsync(ServeEventKind.Ended)).End);
        Assert.Empty(scene.Descriptors());
        Assert.Empty(scene.Server.Sessions);
    }

    [SkippableFact]
    public async Task A_VMM_that_dies_while_its_guest_touches_nothing_ends_its_session()
    {
        VmmPrograms.Require();
        await using ServeScene scene = new(programs);
        await using VmmProcess vmm = scene.Start("firecracker-1.16", ServeScene.Bytes, "1", "waits");
        _ = await scene.NextAsync(ServeEventKind.Began);
        vmm.Kill();
        Assert.Equal(SessionEnd.VmmEnded, (await scene.NextAsync(ServeEventKind.Ended)).End);
        Assert.Empty(scene.Descriptors());
    }
}
