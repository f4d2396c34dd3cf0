namespace UffdActors.Serve.Tests;

/// <summary>What becomes of a guest that cannot be served on: never zeros.</summary>
[Collection(ServeCollection.Name)]
public sealed class PolicyTests(VmmPrograms programs)
{
    [SkippableFact]
    public async Task A_memory_file_that_is_written_to_freezes_the_guest()
    {
        VmmPrograms.Require();
        await using ServeScene scene = new(programs);
        await using VmmProcess vmm = scene.Start("firecracker-1.16", ServeScene.Bytes, "2", "waits");
        Assert.Equal("handed over", await vmm.LineAsync());
        _ = await scene.NextAsync(ServeEventKind.Began);
        Overwrite(scene.Memory);
        await vmm.GoOnAsync();

        ServeEvent note = await scene.NextAsync(ServeEventKind.Note);
        Assert.Equal(SessionNoteKind.Frozen, note.NoteKind);
        Assert.Contains("has been written to while it was served", note.Message, StringComparison.Ordinal);
        Assert.True(scene.Server.Sessions[0].Session.IsFrozen);
        Assert.True(vmm.IsAlive);
        vmm.Kill();
        ServeEvent next;
        do next = await scene.NextAnyAsync();
        while (next.Kind == ServeEventKind.Note);
        Assert.Equal(SessionEnd.VmmEnded, next.End);
        Assert.Empty(scene.Descriptors());
    }

    [SkippableFact]
    public async Task With_the_policy_kill_its_VMM_is_killed()
    {
        VmmPrograms.Require();
        await using ServeScene scene = new(programs, FailurePolicy.Kill);
        await using VmmProcess vmm = scene.Start("firecracker-1.16", ServeScene.Bytes, "2", "waits");
        _ = await scene.NextAsync(ServeEventKind.Began);
        Overwrite(scene.Memory);
        await vmm.GoOnAsync();
        await vmm.DeathAsync();
        ServeEvent next;
        do next = await scene.NextAnyAsync();
        while (next.Kind == ServeEventKind.Note);
        Assert.Equal(SessionEnd.VmmKilled, next.End);
        Assert.Empty(scene.Descriptors());
    }

    [SkippableTheory]
    [InlineData(FailurePolicy.Freeze, "", SessionEnd.LeftFrozen)]
    [InlineData(FailurePolicy.Freeze, "no-copy", SessionEnd.VmmKilled)]
    [InlineData(FailurePolicy.Kill, "", SessionEnd.VmmKilled)]
    public async Task A_server_that_ends_leaves_its_guest_asleep_or_kills_its_VMM(FailurePolicy policy, string how, SessionEnd end)
    {
        VmmPrograms.Require();
        await using ServeScene scene = new(programs, policy);
        await using VmmProcess vmm = scene.Start("firecracker-1.16", ServeScene.Bytes, "1", "waits", how);
        Assert.Equal("handed over", await vmm.LineAsync());
        _ = await scene.NextAsync(ServeEventKind.Began);
        await scene.StopAsync();
        Assert.Equal(end, (await scene.NextAsync(ServeEventKind.Ended)).End);
        Assert.Empty(scene.Descriptors());
        if (end == SessionEnd.VmmKilled)
        {
            await vmm.DeathAsync();
            return;
        }

        // The guest goes on to its first page, and never beyond: it has not ended with wrong bytes.
        await vmm.GoOnAsync();
        string wait = $"/proc/{vmm.Id}/task";
        Assert.True(SpinWait.SpinUntil(
            () => Directory.GetDirectories(wait).Any(
                t => File.ReadAllText(Path.Combine(t, "wchan")).Contains("userfault", StringComparison.Ordinal)), ServeScene.Deadline));
        Assert.True(vmm.IsAlive);
    }

    private static void Overwrite(string file)
    {
        using FileStream stream = new(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        stream.WriteByte(1);
    }
}
