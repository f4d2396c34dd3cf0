using System.Text;
using System.Text.Json;
using CsCheck;
using UffdActors.Serve.Keeping;

namespace UffdActors.Serve.Tests;

/// <summary>What a daemon is told over its control socket, and what it answers.</summary>
[Collection(ServeCollection.Name)]
public sealed class ControlTests(VmmPrograms programs)
{
    [SkippableFact]
    public async Task A_session_is_created_serves_is_listed_and_closed()
    {
        VmmPrograms.Require();
        await using ControlScene scene = await ControlScene.StartAsync(maxSessions: 2);
        using ControlClient client = await scene.ConnectAsync();
        Assert.Equal((0, 0), Counts(await client.StatusAsync()));
        SessionStatus made = Assert.Single((await client.CreateAsync(scene.Spec("a") with { OnFailure = FailurePolicy.Kill })).Sessions!);
        Assert.Equal((FailurePolicy.Kill, 0), (made.Spec.OnFailure, made.Guests.Count));
        _ = await client.CreateAsync(scene.Spec("b"));

        await using VmmProcess vmm = new(programs.Of("firecracker-1.16"), scene.Of("a"), ServeScene.Bytes, "2", "waits");
        _ = await scene.UntilAsync("a 1 Began");
        Assert.Equal((2, 1), Counts(await client.StatusAsync()));
        GuestStatus guest = Assert.Single((await client.ListAsync("a", withFigures: true)).Sessions![0].Guests);
        Assert.Equal((vmm.Id, GuestState.Serving, "firecracker", true), (guest.Process, guest.State, guest.Dialect, guest.VmmKeepsCopy));
        Assert.Equal(ServeScene.Pages, guest.Figures!.AbsentPages);
        Assert.Equal(["a", "b"], (await client.ListAsync()).Sessions!.Select(s => s.Spec.Session));

        await RefusedAsync(client.CreateAsync(scene.Spec("a")), "There is a session \"a\" already");
        await RefusedAsync(client.CreateAsync(scene.Spec("c")), "which are as many as may be (max-sessions)");
        await RefusedAsync(client.CloseAsync("c"), "There is no session \"c\".");
        await RefusedAsync(client.CloseAsync("a"), "has 1 guests");
        Assert.True(vmm.IsAlive);
        Assert.Equal(0, (await client.CloseAsync("b")).Killed);
        Assert.False(File.Exists(scene.Of("b")));
        Assert.Equal(1, (await client.CloseAsync("a", kill: true)).Killed);
        await vmm.DeathAsync();
        Assert.Empty((await client.ListAsync()).Sessions!);
        Assert.Equal(["lock"], Directory.GetFiles(scene.Of("state")).Select(Path.GetFileName));
    }

    [SkippableFact]
    public async Task A_guest_that_is_drained_has_every_page_and_needs_nobody()
    {
        VmmPrograms.Require();
        await using ControlScene scene = await ControlScene.StartAsync();
        using ControlClient client = await scene.ConnectAsync();
        // The policy is about guests that cannot be served on; these need nobody.
        _ = await client.CreateAsync(scene.Spec("a") with { OnFailure = FailurePolicy.Kill });
        await using VmmProcess vmm = new(programs.Of("balloon-load"), scene.Of("a"), ServeScene.Bytes, "2", "7");
        await using VmmProcess idle = new(programs.Of("firecracker-1.16"), scene.Of("a"), ServeScene.Bytes, "2", "waits");
        await using VmmProcess tracked = new(programs.Of("e2b"), scene.Of("a"), ServeScene.Bytes, "1", "waits");
        for (int i = 0; i < 3; i++) Assert.Contains("Began", await scene.UntilAsync("a"), StringComparison.Ordinal);
        await vmm.UntilAsync("busy");
        IReadOnlyList<GuestStatus> guests = (await client.ListAsync("a")).Sessions![0].Guests;
        int Number(VmmProcess process) => guests.Single(g => g.Process == process.Id).Number;

        await RefusedAsync(client.DrainAsync("a", Number(tracked)), "tracks its writes by this registration");
        Assert.Equal(1, (await client.DrainAsync("a", Number(vmm))).Released);
        Assert.Equal(1, (await client.DrainAsync("a", Number(idle))).Released);

        // The daemon holds nothing of them, and they go on: with their pages, and with zeros where they give some back.
        Assert.Equal(2, Directory.GetFiles(scene.Of("state"), "a.*.*").Count(f => !f.EndsWith(".session.json", StringComparison.Ordinal)));
        await vmm.UntilAsync("busy");
        foreach (VmmProcess process in new[] { vmm, idle, tracked })
        {
            await process.GoOnAsync();
            Assert.Contains("verified", await process.EndAsync(), StringComparison.Ordinal);
        }
    }

    [SkippableFact]
    public async Task A_session_takes_no_more_guests_than_it_may()
    {
        VmmPrograms.Require();
        await using ControlScene scene = await ControlScene.StartAsync(maxGuests: 1);
        using ControlClient client = await scene.ConnectAsync();
        _ = await client.CreateAsync(scene.Spec("a"));
        _ = await client.CreateAsync(scene.Spec("b"));
        await using VmmProcess first = new(programs.Of("firecracker-1.16"), scene.Of("a"), ServeScene.Bytes, "1", "waits");
        _ = await scene.UntilAsync("a 1 Began");
        await using VmmProcess second = new(programs.Of("firecracker-1.16"), scene.Of("b"), ServeScene.Bytes, "1", "waits");
        Assert.Contains("(max-guests)", await scene.UntilAsync("b  Refused"), StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("""{"do":"status","version":2}""", "of version 2 of the protocol")]
    [InlineData("""{"do":"dance"}""", "There is no request \\u0022dance\\u0022")]
    [InlineData("""{"do":"list","sesion":"a"}""", "no JSON object of this protocol")]
    [InlineData("""{"session":"a"}""", "no JSON object of this protocol")]
    [InlineData("""{"do":"drain"}""", "The request has no session.")]
    [InlineData("""[]""", "no JSON object of this protocol")]
    [InlineData("""{"do":"create","session":"../a","socket":"/a","memory":"/b"}""", "session: a name has 1 to 64 letters")]
    [InlineData("""{"do":"create","session":"a","socket":"a","memory":"/b"}""", "is no path from the root on")]
    [InlineData("""{"do":"create","session":"a","socket":"/a","memory":"/b","socketMode":"9"}""", "lets nobody connect")]
    [InlineData("""{"do":"create","session":"a","socket":"/a","memory":"/b","maxGuests":0}""", "is not from 1 to")]
    [InlineData("""{"do":"create","session":"a","socket":"/a","memory":"/none"}""", "there is no such file")]
    [InlineData("""{"do":"create","session":"a","socket":"/a","memory":"/b","onFailure":"zeros"}""", "no JSON object of this protocol")]
    public async Task What_is_not_understood_is_refused_in_a_sentence_and_the_connection_goes_on(string request, string sentence)
    {
        Testing.ThisMachine.ThisKernel.Require();
        await using ControlScene scene = await ControlScene.StartAsync();
        string[] lines = (await scene.SayAsync(Encoding.UTF8.GetBytes(request + "\n{\"do\":\"status\"}\n"))).TrimEnd('\n').Split('\n');
        Assert.Equal(2, lines.Length);
        Assert.StartsWith("""{"version":1,"ok":false,"error":""", lines[0], StringComparison.Ordinal);
        Assert.Contains(sentence, lines[0], StringComparison.Ordinal);
        Assert.StartsWith("""{"version":1,"ok":true""", lines[1], StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Whatever_comes_is_answered_in_lines_of_JSON_or_closed_and_leaves_nothing()
    {
        Testing.ThisMachine.ThisKernel.Require();
        await using ControlScene scene = await ControlScene.StartAsync();
        _ = await scene.SayAsync("{}\n"u8.ToArray());
        int before = Directory.GetFileSystemEntries("/proc/self/fd").Length;
        string[] seeds =
        [
            """{"do":"status"}""", """{"do":"list","session":"a"}""", """{"do":"drain","session":"a","guest":1}""",
            """{"do":"create","session":"a","socket":"/none/a","memory":"/none"}""", """{"do":"close","session":"a","kill":true}""",
        ];
        Gen<string> good = Gen.OneOf(seeds.Select(Gen.Const).ToArray());
        Gen<byte[]> mutated = Gen.Select(good, Gen.Int[0, 60], Gen.Byte, Gen.Int[0, 3]).Select((seed, at, value, how) =>
        {
            List<byte> bytes = [.. Encoding.UTF8.GetBytes(seed)];
            at = Math.Min(at, bytes.Count - 1);
            if (how == 0) bytes[at] = value;
            if (how == 1) bytes.RemoveRange(at, bytes.Count - at);
            if (how == 2) bytes.InsertRange(at, bytes.ToArray());
            bytes.Add((byte)'\n');
            return bytes.ToArray();
        });
        Gen<byte[]> any = Gen.Frequency((4, mutated), (1, Gen.Byte.Array[0, 300]));
        List<byte[]> inputs = [];
        any.Sample(inputs.Add, iter: 120, threads: 1);
        // A line that has no end, and nesting.
        inputs.Add([.. Enumerable.Repeat((byte)'x', (64 << 10) + 1000)]);
        inputs.Add(Encoding.UTF8.GetBytes("{\"do\":" + new string('[', 10_000) + "\n"));
        foreach (byte[] input in inputs)
        {
            foreach (string line in (await scene.SayAsync(input)).Split('\n', StringSplitOptions.RemoveEmptyEntries))
                Assert.Equal(1, JsonDocument.Parse(line).RootElement.GetProperty("version").GetInt32());
        }

        Assert.Contains("\"ok\":true", await scene.SayAsync("{\"do\":\"status\"}\n"u8.ToArray()), StringComparison.Ordinal);
        Assert.True(SpinWait.SpinUntil(
            () => Directory.GetFileSystemEntries("/proc/self/fd").Length <= before, ServeScene.Deadline));
    }

    [SkippableFact]
    public async Task A_folder_that_others_can_enter_is_refused_and_so_is_a_second_daemon()
    {
        Testing.ThisMachine.ThisKernel.Require();
        await using ControlScene scene = await ControlScene.StartAsync();
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        DaemonOptions options = new() { Control = scene.Of("other/control"), State = scene.Of("state") };
        ServeException held = await Assert.ThrowsAsync<ServeException>(() => ServeDaemon.StartAsync(runtime, options));
        Assert.Contains("is held by another process", held.Message, StringComparison.Ordinal);
        string open = Directory.CreateDirectory(scene.Of("open")).FullName;
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(open, (UnixFileMode)493);
        ServeException entered = await Assert.ThrowsAsync<ServeException>(
            () => ServeDaemon.StartAsync(runtime, options with { State = open }));
        Assert.Contains("is open to other users (mode 755)", entered.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_daemon_has_served_guests_before_it_listens()
    {
        Testing.ThisMachine.ThisKernel.Require();
        await using ControlScene scene = await ControlScene.StartAsync();
        // Two guests, each of them a VM, and in another one served.
        Assert.Equal(4, await scene.VmsSoFarAsync());

        // One that cannot listens nowhere, and holds nothing.
        UffdRuntime ended = UffdRuntime.Start(UffdSettings.Profile("live"));
        await ended.DisposeAsync();
        DaemonOptions options = new() { Control = scene.Of("other/control"), State = scene.Of("other") };
        _ = await Assert.ThrowsAsync<ObjectDisposedException>(() => ServeDaemon.StartAsync(ended, options));
        Assert.False(File.Exists(options.Control));
        using FileStream held = new(scene.Of("other/lock"), FileMode.Open, FileAccess.ReadWrite, FileShare.None);
    }

    // Guests of a predecessor sleep while that lasts.
    [SkippableFact]
    public async Task A_daemon_that_finds_guests_serves_none_of_its_own_before()
    {
        Testing.ThisMachine.ThisKernel.Require();
        await using ControlScene scene = await ControlScene.StartAsync();
        int before = await scene.VmsSoFarAsync();
        string state = scene.Of("found");
        StateFolder.Open(state).Dispose();
        await File.WriteAllTextAsync(Path.Combine(state, "one.1.guest.json"), "damaged");
        await using (await scene.StartOtherAsync(new DaemonOptions { Control = scene.Of("other/control"), State = state }))
        {
            Assert.Equal(before + 1, await scene.VmsSoFarAsync());
        }
    }

    // Whoever opens the folder and the socket for others has not opened the daemon for them.
    [SkippableFact]
    public async Task Another_user_is_refused_in_a_sentence()
    {
        VmmPrograms.Require();
        Skip.IfNot(Environment.IsPrivilegedProcess, "Only root becomes another user.");
        const string Other = "65534";
        await using ControlScene scene = await ControlScene.StartAsync();
        scene.OpenToAll();
        await using VmmProcess stranger = new(programs.Of("stranger"), scene.Control, Other, """{"do":"status"}""");
        string said = await stranger.EndAsync();
        Assert.Contains($"\"ok\":false,\"error\":\"User {Other} may not control this daemon", said, StringComparison.Ordinal);
        await using VmmProcess own = new(programs.Of("stranger"), scene.Control, "0", """{"do":"status"}""");
        // It goes on asking as long as it is heard.
        Assert.Contains("\"ok\":true", await own.LineAsync(), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_session_of_a_daemon_records_a_working_set_and_replays_it_with_an_overlay_over_the_file()
    {
        VmmPrograms.Require();
        await using ControlScene scene = await ControlScene.StartAsync();
        using ControlClient client = await scene.ConnectAsync();
        // What is wrong in the file is right in the overlay.
        byte[] page = File.ReadAllBytes(scene.Memory)[(5 * 4096)..(6 * 4096)];
        await File.WriteAllBytesAsync(scene.Of("page"), page);
        SnapshotFile.Write(scene.Memory, ServeScene.Pages, p => p == 5 ? PageKind.Wrong : p % 16 is >= 8 and < 12 ? PageKind.Hole
            : PageKind.Right);
        SessionSpec spec = scene.Spec("a") with
        {
            WorkingSet = scene.Of("set"),
            RecordWorkingSet = scene.Of("set"),
            Overlay = [new OverlayFile(scene.Of("page"), 5 * 4096)],
        };
        await RefusedAsync(client.CreateAsync(spec with { Overlay = [new OverlayFile(scene.Of("page"), 5)] }), "not of whole pages");
        await RefusedAsync(client.CreateAsync(spec with { RecordWorkingSet = null }), "Working set");
        _ = await client.CreateAsync(spec);
        await using (VmmProcess first = new(programs.Of("firecracker-1.16"), scene.Of("a"), ServeScene.Bytes, "1"))
            Assert.Contains("verified", await first.EndAsync(), StringComparison.Ordinal);
        _ = await scene.UntilAsync("a 1 VmmEnded");
        Assert.Null((await client.StatusAsync()).Status!.WorkingSets!.HitRate);

        await using VmmProcess second = new(programs.Of("firecracker-1.16"), scene.Of("a"), ServeScene.Bytes, "1", "waits");
        _ = await scene.UntilAsync("a 2 Began");
        WorkingSetFigures? figures = null;
        while (figures?.Fetched != ServeScene.Pages)
            figures = (await client.ListAsync("a", withFigures: true)).Sessions![0].Guests[0].Figures!.WorkingSet;
        await second.GoOnAsync();
        Assert.Contains("verified", await second.EndAsync(), StringComparison.Ordinal);
        _ = await scene.UntilAsync("a 2 VmmEnded");
        Assert.Equal(1.0, (await client.StatusAsync()).Status!.WorkingSets!.HitRate);
        Assert.Contains(
            $"uffd_serve_working_set_pages_total{{outcome=\"fetched\"}} {ServeScene.Pages}", await scene.GetAsync("/metrics"),
            StringComparison.Ordinal);
    }

    private static (int Sessions, int Guests) Counts(ControlAnswer answer) => (answer.Status!.Sessions, answer.Status.Guests);

    private static async Task RefusedAsync(Task<ControlAnswer> asked, string sentence)
    {
        ServeException refused = await Assert.ThrowsAsync<ServeException>(() => asked);
        Assert.Contains(sentence, refused.Message, StringComparison.Ordinal);
    }
}
