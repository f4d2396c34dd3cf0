using System.Text.Json.Nodes;

namespace UffdActors.Serve.Tests;

/// <summary>A daemon is killed, and its successor goes on with every guest: no byte is another one, and nothing becomes zeros.</summary>
[Collection(ServeCollection.Name)]
public sealed class RestartTests(VmmPrograms programs)
{
    [SkippableTheory]
    [InlineData(false, 0)]
    [InlineData(true, 0)]
    [InlineData(false, 2)]
    public async Task Guests_of_every_dialect_go_on_behind_daemons_that_are_killed_under_load(bool isManaged, int loops)
    {
        VmmPrograms.Require();
        await using DaemonScene scene =
            await DaemonScene.StartAsync(programs, isManaged, runtime: $"uffd.fault-loop.loops = {loops}");
        List<VmmProcess> guests =
        [
            await scene.GuestAsync("balloon-load", "3", "1"),
            await scene.GuestAsync("balloon-load", "1", "2"),
            await scene.GuestAsync("firecracker-1.16", "2", "waits"),
            await scene.GuestAsync("e2b", "2", "waits"),
            await scene.GuestAsync("cloud-hypervisor", "2", "waits"),
            await scene.GuestAsync("balloon-load", "2", "4", "minor"),
            await scene.GuestAsync("e2b", "2", "minor", "waits"),
        ];
        // Without a descriptor of its own, a guest that nobody else holds one of would read zeros.
        if (isManaged) guests.Add(await scene.GuestAsync("balloon-load", "2", "3", "no-copy"));
        VmmProcess[] busy = [guests[0], guests[1], guests[5], .. guests.Skip(7)];
        string[] began = [.. guests.Select((_, i) => $"one {i + 1} began")];
        _ = await scene.UntilAsync(began);
        for (int round = 0; round < 2; round++)
        {
            foreach (VmmProcess vmm in busy) await vmm.UntilAsync("busy");
            await scene.RestartAsync();
            _ = await scene.UntilAsync(began);
        }

        foreach (VmmProcess vmm in guests) await vmm.GoOnAsync();
        foreach (VmmProcess vmm in guests) Assert.Contains("verified", await vmm.EndAsync(), StringComparison.Ordinal);
        _ = await scene.UntilAsync([.. guests.Select((_, i) => $"one {i + 1} {SessionEnd.VmmEnded}")]);
        Assert.DoesNotContain(scene.Unread, line => line.Contains("Frozen", StringComparison.Ordinal));
        Assert.Empty(scene.Kept());
    }

    [SkippableFact]
    public async Task What_a_guest_with_MINOR_alone_has_written_is_known_to_the_successor()
    {
        VmmPrograms.Require();
        await using DaemonScene scene = await DaemonScene.StartAsync(programs);
        // It writes, takes pages out of the mapping and reads what it wrote: a fault in the one daemon or the other.
        VmmProcess vmm = await scene.GuestAsync("balloon-load", "4", "7", "minor");
        _ = await scene.UntilAsync("one 1 began");
        for (int round = 0; round < 3; round++)
        {
            for (int i = 0; i < 10; i++) await vmm.UntilAsync("busy");
            await scene.RestartAsync();
            _ = await scene.UntilAsync("one 1 began");
        }

        await vmm.GoOnAsync();
        Assert.Contains($"verified {DaemonScene.Pages} pages", await vmm.EndAsync(), StringComparison.Ordinal);
        _ = await scene.UntilAsync($"one 1 {SessionEnd.VmmEnded}");
        Assert.Empty(scene.Kept());
    }

    [SkippableFact]
    public async Task A_guest_with_MINOR_alone_is_not_served_on_if_what_it_has_written_is_not_known()
    {
        VmmPrograms.Require();
        await using DaemonScene scene = await DaemonScene.StartAsync(programs);
        VmmProcess vmm = await scene.GuestAsync("balloon-load", "1", "1", "minor");
        _ = await scene.UntilAsync("one 1 began");
        await vmm.UntilAsync("busy");
        await scene.KillAsync();
        File.Delete(Assert.Single(scene.Kept(), file => file.EndsWith(".0.written", StringComparison.Ordinal)));
        await scene.StartDaemonAsync();
        List<string> said = await scene.UntilAsync("one 1 Frozen*");
        Assert.Contains("which of its pages the guest has already is not known", said[^1], StringComparison.Ordinal);
        Assert.True(vmm.IsAlive);
    }

    [SkippableFact]
    public async Task Memory_that_was_plugged_in_is_served_on_by_the_successor()
    {
        VmmPrograms.Require();
        await using DaemonScene scene = await DaemonScene.StartAsync(programs);
        VmmProcess vmm = await scene.GuestAsync("cloud-hypervisor", "2", "adds");
        _ = await scene.UntilAsync("one 1 began");
        await vmm.GoOnAsync();
        await vmm.UntilAsync("added");
        await scene.RestartAsync();
        _ = await scene.UntilAsync("one 1 began");
        await vmm.GoOnAsync();
        Assert.Contains($"verified {2 * DaemonScene.Pages} pages", await vmm.EndAsync(), StringComparison.Ordinal);
        _ = await scene.UntilAsync($"one 1 {SessionEnd.VmmEnded}");
    }

    [SkippableFact]
    public async Task A_service_manager_hears_of_the_daemon_as_often_as_it_wants()
    {
        VmmPrograms.Require();
        await using DaemonScene scene = await DaemonScene.StartAsync(programs, isManaged: true);
        _ = await scene.UntilAsync("manager: WATCHDOG=1", "manager: WATCHDOG=1", "manager: WATCHDOG=1");
        // The next one too.
        await scene.RestartAsync();
        _ = await scene.UntilAsync("manager: kept*", "manager: WATCHDOG=1", "manager: WATCHDOG=1");
    }

    [SkippableFact]
    public async Task A_guest_whose_VMM_has_ended_meanwhile_is_forgotten()
    {
        VmmPrograms.Require();
        await using DaemonScene scene = await DaemonScene.StartAsync(programs);
        VmmProcess vmm = await scene.GuestAsync("balloon-load", "1", "1", "idle");
        _ = await scene.UntilAsync("one 1 began");
        await scene.KillAsync();
        Assert.Equal(2, scene.Kept().Length);
        vmm.Kill();
        await vmm.DeathAsync();
        await scene.StartDaemonAsync();
        using ControlClient client = await ControlClient.ConnectAsync(scene.Control);
        Assert.True(SpinWait.SpinUntil(() => scene.Kept().Length == 0, ServeScene.Deadline));
        Assert.Equal(0, (await client.StatusAsync()).Status!.Guests);
    }

    [SkippableTheory]
    [InlineData("freeze")]
    [InlineData("kill")]
    public async Task A_guest_whose_file_was_written_to_meanwhile_is_not_served_on(string policy)
    {
        VmmPrograms.Require();
        await using DaemonScene scene = await DaemonScene.StartAsync(programs, policy: policy);
        VmmProcess vmm = await scene.GuestAsync("balloon-load", "1", "1", "idle");
        _ = await scene.UntilAsync("one 1 began");
        await scene.KillAsync();
        File.AppendAllText(scene.Memory, "x");
        await scene.StartDaemonAsync();
        List<string> said = await scene.UntilAsync(policy == "kill" ? "one 1 Killed*" : "one 1 Frozen*");
        Assert.Contains("has been written to since the guest began", said[^1], StringComparison.Ordinal);
        if (policy == "kill")
        {
            await vmm.DeathAsync();
            Assert.True(SpinWait.SpinUntil(() => scene.Kept().Length == 0, ServeScene.Deadline));
            return;
        }

        using ControlClient client = await ControlClient.ConnectAsync(scene.Control);
        GuestStatus lost = Assert.Single((await client.ListAsync()).Sessions![0].Guests);
        Assert.Equal((GuestState.Lost, vmm.Id), (lost.State, lost.Process));
        Assert.True(vmm.IsAlive);
        // It is forgotten when its VMM ends, and not before.
        Assert.Equal(2, scene.Kept().Length);
        vmm.Kill();
        Assert.True(SpinWait.SpinUntil(() => scene.Kept().Length == 0, ServeScene.Deadline));
    }

    /// <summary>
    /// What was noted of a guest is compared with what is found: another process that has its number, another userfaultfd, or one with
    /// other features is not served in its place.
    /// </summary>
    [SkippableTheory]
    [InlineData("features", "other features now")]
    [InlineData("inode", "has none of its own")]
    [InlineData("process", null)]
    public async Task What_is_not_the_guest_that_was_kept_is_not_taken_back(string field, string? why)
    {
        VmmPrograms.Require();
        await using DaemonScene scene = await DaemonScene.StartAsync(programs);
        VmmProcess vmm = await scene.GuestAsync("balloon-load", "1", "1", "idle");
        _ = await scene.UntilAsync("one 1 began");
        await scene.KillAsync();
        string path = scene.Kept().Single(f => f.EndsWith(".guest.json", StringComparison.Ordinal));
        JsonNode record = JsonNode.Parse(await File.ReadAllTextAsync(path))!;
        if (field == "features") record[field] = "thread-id";
        else if (field == "inode") record[field] = record[field]!.GetValue<long>() + 1;
        else record["process"]!["started"] = record["process"]!["started"]!.GetValue<long>() + 1;
        await File.WriteAllTextAsync(path, record.ToJsonString());

        await scene.StartDaemonAsync();

        Assert.True(vmm.IsAlive);
        using ControlClient client = await ControlClient.ConnectAsync(scene.Control);
        if (why is null)
        {
            // The process that it was of has ended, so there is nothing to go on with.
            Assert.True(SpinWait.SpinUntil(() => scene.Kept().Length == 0, ServeScene.Deadline));
            Assert.Equal(0, (await client.StatusAsync()).Status!.Guests);
            return;
        }

        Assert.Contains(why, (await scene.UntilAsync("one 1 Frozen*"))[^1], StringComparison.Ordinal);
        Assert.Equal(GuestState.Lost, Assert.Single((await client.ListAsync()).Sessions![0].Guests).State);
    }

    [SkippableFact]
    public async Task A_daemon_that_ends_in_order_kills_a_guest_whose_userfaultfd_nobody_else_holds()
    {
        VmmPrograms.Require();
        await using DaemonScene scene = await DaemonScene.StartAsync(programs);
        VmmProcess vmm = await scene.GuestAsync("balloon-load", "1", "4", "no-copy", "idle");
        _ = await scene.UntilAsync("one 1 began");
        Assert.Contains("left", await scene.StopAsync(), StringComparison.Ordinal);
        await vmm.DeathAsync();
    }

    [SkippableFact]
    public async Task A_daemon_that_ends_in_order_leaves_its_guests_to_the_next_whatever_their_policy()
    {
        VmmPrograms.Require();
        await using DaemonScene scene = await DaemonScene.StartAsync(programs, policy: "kill");
        VmmProcess vmm = await scene.GuestAsync("balloon-load", "2", "5");
        _ = await scene.UntilAsync("one 1 began");
        await vmm.UntilAsync("busy");
        Assert.Contains("left", await scene.StopAsync(), StringComparison.Ordinal);
        Assert.True(vmm.IsAlive);
        await scene.StartDaemonAsync();
        _ = await scene.UntilAsync("one 1 began");
        await vmm.UntilAsync("busy");
        await vmm.GoOnAsync();
        Assert.Contains("verified", await vmm.EndAsync(), StringComparison.Ordinal);
    }
}
