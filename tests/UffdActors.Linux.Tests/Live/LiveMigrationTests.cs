using Akka.Configuration;
using UffdActors.PostCopy;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Live;

/// <summary>A guest is moved with real page faults, over sockets.</summary>
public sealed class LiveMigrationTests
{
    [SkippableTheory]
    [InlineData(null, PostCopyMode.Missing)]
    [InlineData("shmem", PostCopyMode.Minor)]
    public async Task The_thread_that_reads_the_faults_receives_the_answers(string? backend, PostCopyMode mode)
    {
        ThisKernel.Require();

        MigrationDestinationReport report = await MigrationRehearsal.RunAsync(UffdSettings.Profile("live"), backend, mode);

        Assert.True(report.IsVerified, report.Ending);
        Assert.NotEqual(0, report.Demands);
        Assert.Equal(report.Demands, report.PolledAnswers);
    }

    [SkippableFact]
    public async Task A_rehearsal_has_room_on_the_last_cpu_as_well()
    {
        ThisKernel.Require();
        Config last = ConfigurationFactory.ParseString($"uffd.fault-loop.cpu = {Environment.ProcessorCount - 1}");

        MigrationDestinationReport report = await MigrationRehearsal.RunAsync(last.WithFallback(UffdSettings.Profile("live")));

        Assert.True(report.IsVerified, report.Ending);
    }

    [SkippableFact]
    public async Task A_rehearsal_that_cannot_be_says_why_and_ends()
    {
        ThisKernel.Require();

        MigrationDestinationReport report =
            await MigrationRehearsal.RunAsync(UffdSettings.Profile("live"), null, PostCopyMode.Minor).WaitAsync(LiveScene.Deadline);

        Assert.False(report.IsVerified);
        Assert.Contains("memory for the guest cannot be made", report.Ending, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_rehearsal_ends_when_it_is_cancelled()
    {
        ThisKernel.Require();
        using CancellationTokenSource stop = new();
        Task rehearsal = MigrationRehearsal.RunAsync(UffdSettings.Profile("live"), cancellationToken: stop.Token);
        await stop.CancelAsync();

        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => rehearsal.WaitAsync(LiveScene.Deadline));
    }
}
