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
}
