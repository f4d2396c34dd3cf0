namespace UffdActors.PostCopy.Tests;

/// <summary>
/// MINOR without MISSING fills a hole with zeros and tells nobody: a destination is allocated in full before the guest runs.
/// </summary>
public class MinorTests
{
    [Theory]
    [InlineData("shmem")]
    [InlineData("guest-memfd")]
    public async Task A_page_cache_that_is_not_allocated_first_loses_the_sources_bytes_without_a_fault(string backend)
    {
        using GuestImage image = GuestImage.Make(1 << 20, 3);
        // One vCPU writes to every page, so that all are there at the end, whatever they hold; no push mends what a fault should have.
        PostCopyOptions options = new()
        {
            Image = image,
            Backend = backend,
            Mode = PostCopyMode.Minor,
            Vcpus = 1,
            Workload = WorkloadKind.Sequential,
            Accesses = image.Pages,
            WriteRatio = 1,
            SkipPush = true,
        };

        PostCopyReport allocated = await Migrations.RunAsync("fault-loop", options);
        PostCopyReport holes = await Migrations.RunAsync("fault-loop", options with { SkipAllocation = true });

        Assert.True(allocated.Verified, allocated.GuestError);
        Assert.Equal(image.Pages, allocated.MinorWrites);
        Assert.Equal(0, holes.MissingPages);
        Assert.Null(holes.GuestError);
        Assert.NotEqual(holes.SourceHash, holes.DestinationHash);
        Assert.False(holes.Verified);
        Assert.Equal(0, holes.Faults);
    }
}
