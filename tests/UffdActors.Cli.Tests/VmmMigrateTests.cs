using System.Text.Json;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Torture;
using UffdActors.Kvm;
using UffdActors.Linux.Needs;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Cli.Tests;

/// <summary><c>uffd vmm migrate</c>, and a KVM guest in <c>uffd migrate</c>.</summary>
public sealed class VmmMigrateTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("uffd-vmm-migrate-tests-");

    public void Dispose() => _folder.Delete(recursive: true);

    [SkippableFact]
    public async Task A_guest_moves_to_another_process_and_the_document_has_both_ends()
    {
        await RequireKvmAsync();
        CommandRun run = await CommandRun.Of(
            "vmm", "migrate", "--memory", "1M", "--rounds", "30", "--run-first", "5ms", "--backend", "shmem", "--mode", "minor",
            "--send=--no-rehearsal", "--receive=--no-rehearsal", "--json", "-");
        run.EndsWith(ExitCode.Done);
        DocumentRules.Hold(run.Output, "uffd-vmm-migrate");
        JsonElement document = JsonDocument.Parse(run.Output).RootElement;
        JsonElement source = document.GetProperty("source");
        JsonElement destination = document.GetProperty("destination");
        Assert.True(document.GetProperty("verified").GetBoolean());
        Assert.Equal(
            source.GetProperty("kvm").GetProperty("expectedChecksums").EnumerateArray().Select(c => c.GetString()),
            destination.GetProperty("kvm").GetProperty("checksums").EnumerateArray().Select(c => c.GetString()));
        Assert.Equal("scatter", destination.GetProperty("kvm").GetProperty("program").GetString());
        Assert.Contains("the registers of its 2 vCPUs", run.Error, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task The_timeline_of_a_move_has_every_fault_of_the_vCPUs_where_they_have_arrived()
    {
        await RequireKvmAsync();
        string timeline = Path.Combine(_folder.FullName, "timeline");
        CommandRun run = await CommandRun.Of(
            "vmm", "migrate", "--memory", "1M", "--rounds", "400", "--run-first", "1ms", "--send=--no-rehearsal",
            "--receive=--no-rehearsal", "--json", "-", "--timeline", timeline);
        run.EndsWith(ExitCode.Done);
        JsonElement destination = JsonDocument.Parse(run.Output).RootElement.GetProperty("destination");
        using JsonDocument trace = JsonDocument.Parse(await File.ReadAllTextAsync(timeline));
        JsonElement[] faults =
        [
            .. trace.RootElement.GetProperty("traceEvents").EnumerateArray()
                .Where(e => e.GetProperty("name").GetString()!.StartsWith("fault, page", StringComparison.Ordinal)),
        ];
        // The page of the next instruction at least; and no other thread faults there.
        Assert.NotEmpty(faults);
        Assert.Equal(destination.GetProperty("faults").GetInt32(), faults.Length);
        Assert.InRange(faults.Select(f => f.GetProperty("tid").GetInt32()).Distinct().Count(), 1, 2);
    }

    [SkippableFact]
    public async Task A_guest_that_gives_pages_back_while_it_is_copied_moves_all_the_same()
    {
        await RequireKvmAsync();
        CommandRun run = await CommandRun.Of(
            "vmm", "migrate", "--program", "balloon", "--backend", "shmem", "--memory", "1M", "--rounds", "150", "--precopy-rounds", "2",
            "--send=--no-rehearsal", "--receive=--no-rehearsal", "--json", "-");
        run.EndsWith(ExitCode.Done);
        JsonElement document = JsonDocument.Parse(run.Output).RootElement;
        // Without --run-first it leaves when it has been copied.
        Assert.Equal(2, document.GetProperty("source").GetProperty("precopyRounds").GetInt32());
        Assert.True(document.GetProperty("destination").GetProperty("kvm").GetProperty("givenBackPages").GetInt64() > 0);
    }

    // (end that is killed, the other one, the phase of that, what the command says)
    [SkippableFact]
    public async Task An_end_that_is_killed_ends_the_other_and_one_sentence_says_what_is_lost()
    {
        await RequireKvmAsync();
        await Task.WhenAll(
            KilledAsync("send", "receive", "Running", "the sending end was killed (signal 9): the guest ran at the receiving end, and its"),
            KilledAsync("receive", "send", "GuestHere", "the receiving end was killed (signal 9): the guest had not left the sending end"));
    }

    [SkippableTheory]
    [InlineData("needs page faults of a kernel", "--world", "model")]
    [InlineData("was started with --guest simulated", "--world", "live", "--guest", "simulated")]
    public async Task A_receiver_that_cannot_take_it_says_why_to_both(string why, params string[] receiver)
    {
        await RequireKvmAsync();
        string uri = $"unix:{Path.Combine(_folder.FullName, "wire")}";
        Task<CommandRun> receive = CommandRun.Of(["migrate", "receive", uri, "--no-rehearsal", .. receiver]);
        CommandRun send = await CommandRun.Of("migrate", "send", uri, "--guest", "kvm", "--memory", "1M", "--no-rehearsal");
        send.EndsWith(ExitCode.Failed);
        Assert.Contains(why, send.Output, StringComparison.Ordinal);
        Assert.Contains("the guest has stayed here", send.Output, StringComparison.Ordinal);
        CommandRun received = await receive.WaitAsync(Deadline);
        received.EndsWith(ExitCode.Failed);
        Assert.Contains(why, received.Output, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Guests_go_back_and_forth_while_their_links_are_cut()
    {
        await RequireKvmAsync();
        CommandRun run = await CommandRun.Of("migrate", "torture", "--guest", "kvm", "--moves", "4", "--seed", "5", "--json", "-");
        run.EndsWith(ExitCode.Done);
        DocumentRules.Hold(run.Output, "uffd-migrate-moves");
        JsonElement document = JsonDocument.Parse(run.Output).RootElement;
        Assert.Equal(4, document.GetProperty("moves").GetInt32());
        Assert.InRange(document.GetProperty("guests").GetInt32(), 1, 4);
    }

    [Fact]
    public void A_migration_counts_as_what_it_was()
    {
        ShuttleTally tally = new();
        Assert.True(tally.TryTake("moved 0 10000 0 0"));
        Assert.True(tally.TryTake("moved 2 20000 3 1"));
        Assert.True(tally.TryTake("moved 0 30000 0 0"));
        Assert.True(tally.TryTake(ShuttleTally.Ended));
        Assert.False(tally.TryTake("something else"));
        ShuttleResult result = tally.Result(cuts: 4, TimeSpan.FromSeconds(1), flaw: null);
        Assert.Equal((3, 1, 1, 1, 3L), (result.Moves, result.WhileRunning, result.WithPreCopy, result.Guests, result.LostLinks));
        Assert.Equal((2L * TimeSpan.TicksPerMillisecond, 3L * TimeSpan.TicksPerMillisecond),
            (result.MedianDowntime.Ticks, result.LongestDowntime.Ticks));
    }

    [Theory]
    [InlineData(100, 5, 5, 10, null)]
    [InlineData(100, 4, 5, 10, "only 4 migrations while the guest ran")]
    [InlineData(100, 5, 4, 10, "only 4 migrations with a pre-copy")]
    [InlineData(100, 5, 5, 9, "only 9 lost links")]
    [InlineData(49, 0, 0, 0, null)]
    public void A_run_of_many_migrations_that_has_met_little_is_told_apart(int moves, int running, int copied, int links, string? why)
    {
        ShuttleResult result = new(moves, running, copied, moves, links, links, default, default, default, null);
        if (why is null) Assert.Null(result.Shortfall());
        else Assert.StartsWith(why, result.Shortfall(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_seed_draws_the_same_trips_again_and_a_pre_copy_is_of_the_first_move_alone()
    {
        bool copies = false;
        for (int i = 0; i < 200; i++)
        {
            ShuttleTrip trip = ShuttleTrip.Draw(7, i);
            Assert.Null(trip.Plan.Problem());
            Assert.Equal(trip.Moves, ShuttleTrip.Draw(7, i).Moves);
            Assert.All(trip.Moves.Skip(1), m => Assert.Null(m.Rounds));
            copies |= trip.Moves[0].Rounds is not null;
        }

        Assert.True(copies);
    }

    private static async Task PhaseAsync(string end, string phase, Task migration)
    {
        CommandRun status;
        do
        {
            status = await CommandRun.Of("migrate", "status", end);
        }
        while (!status.Output.StartsWith(phase, StringComparison.Ordinal) && !migration.IsCompleted);
    }

    // The other end is asked where the guest is, so the kill comes at that moment and not after a time.
    private async Task KilledAsync(string end, string other, string phase, string says)
    {
        string at = Path.Combine(_folder.FullName, $"{end}-{phase}-");
        string sending = at + "send";
        string receiving = at + "receive";
        // The background is slow, so the guest cannot have all of its pages before the kill; it leaves at once, or never.
        bool leaves = phase == "Running";
        Task<CommandRun> migration = CommandRun.Of(
        [
            "vmm", "migrate", "--memory", "4M", "--rounds", "1000", "--run-first", leaves ? "1ms" : "100s", "--send=--no-rehearsal",
            "--receive=--no-rehearsal", "--receive=--bandwidth=16K", $"--send=--control={sending}", $"--receive=--control={receiving}",
        ]);
        await PhaseAsync(other == "send" ? sending : receiving, $"{phase}, linked", migration);
        System.Diagnostics.Process.GetProcessById(ProcessOf(end == "send" ? sending : receiving)).Kill();
        CommandRun run = await migration.WaitAsync(Deadline);
        run.EndsWith(ExitCode.Failed);
        Assert.Contains(says, run.Error, StringComparison.Ordinal);
        Assert.Contains("Both ends have ended, and neither runs it.", run.Error, StringComparison.Ordinal);
        Assert.Equal([], Processes(sending).Concat(Processes(receiving)));
    }

    private static int ProcessOf(string control) => Assert.Single(Processes(control));

    // Of those that were started with this socket: its name is in no other command line.
    private static int[] Processes(string control) =>
    [
        .. Directory.GetDirectories("/proc").Select(d => Path.GetFileName(d)!).Where(d => int.TryParse(d, out _))
            .Where(d => CommandLine(d).Contains($"--control={control}\0", StringComparison.Ordinal)).Select(int.Parse),
    ];

    private static string CommandLine(string process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/cmdline");
        }
        catch (IOException)
        {
            // It has ended meanwhile.
            return "";
        }
    }

    private static async Task RequireKvmAsync()
    {
        ThisKernel.Require();
        try
        {
            await using KvmHost host = KvmHost.Start();
        }
        catch (UnsupportedMachineException e)
        {
            Skip.If(true, e.Message);
        }
    }
}
