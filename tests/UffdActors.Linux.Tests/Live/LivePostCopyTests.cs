using UffdActors.PostCopy;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Live;

/// <summary>The main job with real page faults.</summary>
public sealed class LivePostCopyTests
{
    [SkippableTheory]
    [InlineData(null, PostCopyMode.Missing, 1)]
    [InlineData(null, PostCopyMode.Missing, 3)]
    [InlineData("shmem", PostCopyMode.Missing, 1)]
    [InlineData("shmem", PostCopyMode.Minor, 1)]
    [InlineData("shmem", PostCopyMode.Minor, 3)]
    public async Task Every_page_arrives_and_the_destination_equals_the_source_with_the_guests_writes(
        string? backend, PostCopyMode mode, int handlers)
    {
        ThisKernel.Require();
        using GuestImage image = GuestImage.Make(4 << 20, 7);
        PostCopyOptions options = new() { Image = image, Backend = backend, Mode = mode, Handlers = handlers, Accesses = 20_000 };

        PostCopyReport report =
            await UffdRuntime.UseAsync(UffdSettings.Profile("live"), runtime => new PostCopyMigration(runtime, options).RunAsync());

        Assert.True(report.Verified, report.GuestError);
        Assert.Equal(20_000, report.Accesses);
        Assert.NotEqual(0, report.WrittenLanes);
        // Every page came once: on demand or by push, with content or as zeros.
        Assert.Equal(image.Pages, report.DemandPages + report.DemandZeroPages + report.PushedPages + report.PushedZeroPages);
    }
}
