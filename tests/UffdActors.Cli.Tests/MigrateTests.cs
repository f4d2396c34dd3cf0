using System.Text.Json;
using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Tests;

/// <summary>Both ends of <c>uffd migrate</c>.</summary>
public sealed class MigrateTests : IDisposable
{
    // A receiver whose source is gone waits for it for ever; a test does not.
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("uffd-migrate-tests-");

    private string Uri => $"unix:{Path.Combine(_folder.FullName, "wire")}";

    private string Control => Path.Combine(_folder.FullName, "control");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Both_ends_write_documents_that_agree()
    {
        Task<CommandRun> receive = CommandRun.Of("migrate", "receive", Uri, "--json", "-");
        CommandRun send = await CommandRun.Of(
            "migrate", "send", Uri, "--memory", "2M", "--accesses", "4000", "--channels", "2", "--precopy-rounds", "1", "--json", "-");
        send.EndsWith(0);
        (await receive.WaitAsync(Deadline)).EndsWith(0);
        DocumentRules.Hold(send.Output, "uffd-migrate-source");
        DocumentRules.Hold((await receive).Output, "uffd-migrate-destination");
        using JsonDocument source = JsonDocument.Parse(send.Output);
        using JsonDocument destination = JsonDocument.Parse((await receive.WaitAsync(Deadline)).Output);
        Assert.Equal(
            source.RootElement.GetProperty("expectedSha256").GetString(), destination.RootElement.GetProperty("actualSha256").GetString());
        Assert.Equal(512, destination.RootElement.GetProperty("pages").GetInt64());
        Assert.Equal(1, source.RootElement.GetProperty("precopyRounds").GetInt32());
        // The report for people goes to standard error then.
        Assert.Contains("verified", send.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_guest_leaves_when_it_is_told_and_what_would_lose_it_is_refused()
    {
        Task<CommandRun> send = CommandRun.Of(
            "migrate", "send", Uri, "--memory", "1M", "--accesses", "1000", "--manual-switch", "--control", Control);
        Task<CommandRun> receive = CommandRun.Of("migrate", "receive", Uri);
        CommandRun status;
        do
        {
            status = await CommandRun.Of("migrate", "status", Control);
        }
        while (!status.Output.Contains(", linked", StringComparison.Ordinal) && !send.IsCompleted);
        Assert.Contains("GuestHere", status.Output, StringComparison.Ordinal);
        CommandRun refused = await CommandRun.Of("migrate", "resume-here", Control);
        refused.EndsWith(1);
        Assert.Contains("not in doubt", refused.Error, StringComparison.Ordinal);
        (await CommandRun.Of("migrate", "switch", Control)).EndsWith(0);
        (await send.WaitAsync(Deadline)).EndsWith(0);
        (await receive.WaitAsync(Deadline)).EndsWith(0);
        Assert.False(File.Exists(Control));
    }

    [Fact]
    public async Task A_receiver_is_told_another_rate_before_its_guest_has_come_and_records_what_it_asked_for()
    {
        string receiver = Path.Combine(_folder.FullName, "receiver");
        string set = Path.Combine(_folder.FullName, "set");
        // At a byte a second it would not end.
        Task<CommandRun> receive = CommandRun.Of(
            "migrate", "receive", Uri, "--bandwidth", "1", "--control", receiver, "--record-working-set", set);
        Task<CommandRun> send = CommandRun.Of(
            "migrate", "send", Uri, "--memory", "1M", "--accesses", "1000", "--manual-switch", "--control", Control);
        while (!File.Exists(receiver) || !File.Exists(Control)) await Task.Yield();
        CommandRun refused = await CommandRun.Of("migrate", "bandwidth", Control, "1M");
        refused.EndsWith(1);
        Assert.Contains("does not know", refused.Error, StringComparison.Ordinal);
        CommandRun limited = await CommandRun.Of("migrate", "bandwidth", receiver, "64K");
        Assert.Contains("65,536 bytes a second", limited.Output, StringComparison.Ordinal);
        (await CommandRun.Of("migrate", "bandwidth", receiver, "none")).EndsWith(0);
        (await CommandRun.Of("migrate", "switch", Control)).EndsWith(0);
        (await send.WaitAsync(Deadline)).EndsWith(0);
        (await receive.WaitAsync(Deadline)).EndsWith(0);
        _ = WorkingSet.Read(set);
    }

    [Fact]
    public async Task A_guest_whose_migration_is_given_up_stays()
    {
        Task<CommandRun> send = CommandRun.Of(
            "migrate", "send", Uri, "--memory", "1M", "--accesses", "1000", "--manual-switch", "--control", Control);
        Task<CommandRun> receive = CommandRun.Of("migrate", "receive", Uri);
        CommandRun status;
        do
        {
            status = await CommandRun.Of("migrate", "status", Control);
        }
        while (!status.Output.Contains(", linked", StringComparison.Ordinal) && !send.IsCompleted);
        (await CommandRun.Of("migrate", "abandon", Control)).EndsWith(0);
        CommandRun ended = await send.WaitAsync(Deadline);
        ended.EndsWith(1);
        Assert.Contains("the guest has stayed here", ended.Output, StringComparison.Ordinal);
        CommandRun without = await receive.WaitAsync(Deadline);
        without.EndsWith(1);
        Assert.Contains("no guest has run here", without.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("migrate send nowhere", "write tcp:HOST:PORT or unix:PATH")]
    [InlineData("migrate send tcp:192.0.2.1:1", "beyond this machine")]
    [InlineData("migrate receive unix:/x --tls-cert a", "are used together")]
    [InlineData("migrate send unix:/x --precopy-rounds none", "auto")]
    [InlineData("migrate send unix:/x --dispatcher stepped", "needs real time")]
    [InlineData("migrate send unix:/x --guest kvm --accesses 5", "--accesses is for a simulated guest")]
    [InlineData("migrate send unix:/x --guest kvm --switch-after 5", "use --run-first")]
    [InlineData("migrate send unix:/x --program walk", "--program is for a KVM guest")]
    [InlineData("migrate send unix:/x --guest kvm --world model", "use --world live")]
    [InlineData("migrate receive unix:/x --guest kvm --world model", "use --world live")]
    [InlineData("migrate torture --moves 3", "use it with --guest kvm")]
    [InlineData("migrate status /nowhere/at/all", "no migration listens there")]
    [InlineData("migrate bandwidth /nowhere/at/all 0", "not a size above 0")]
    [InlineData("migrate receive unix:/x --record-working-set /nowhere/at/all", "cannot be written")]
    public async Task What_cannot_be_is_one_line_that_says_why(string command, string why)
    {
        CommandRun run = await CommandRun.Of(command.Split(' '));
        run.EndsWith(2);
        Assert.Contains(why, run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.Trim().Split('\n'));
    }

    /// <summary>The sending end would try for ten seconds to connect to one that never listened.</summary>
    [Fact]
    public async Task A_demo_whose_receiving_end_is_refused_ends_with_that_alone()
    {
        CommandRun run = await CommandRun.Of("migrate", "demo", "--send=--memory=64K", "--receive=--working-set=/dev/null");
        run.EndsWith(ExitCode.BadInput);
        Assert.Contains(
            "Working set \"/dev/null\" cannot be read", Assert.Single(run.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_demo_starts_two_processes_and_both_verify()
    {
        CommandRun run = await CommandRun.Of("migrate", "demo", "--send=--memory=1M", "--send=--accesses=1000");
        run.EndsWith(0);
        Assert.Contains("send     verified", run.Output, StringComparison.Ordinal);
        Assert.Contains("receive  verified", run.Output, StringComparison.Ordinal);
    }
}
