namespace UffdActors.PostCopy.Tests;

public class MigrationTests
{
    public static TheoryData<string, string?, PostCopyMode, int> Worlds
    {
        get
        {
            TheoryData<string, string?, PostCopyMode, int> worlds = [];
            foreach (string dispatcher in new[] { "fault-loop", "parallel", "stepped" })
            {
                foreach (int handlers in new[] { 1, 3 })
                {
                    worlds.Add(dispatcher, null, PostCopyMode.Missing, handlers);
                    worlds.Add(dispatcher, "shmem", PostCopyMode.Missing, handlers);
                    worlds.Add(dispatcher, "shmem", PostCopyMode.Minor, handlers);
                    worlds.Add(dispatcher, "guest-memfd", PostCopyMode.Minor, handlers);
                    worlds.Add(dispatcher, "hugetlb", PostCopyMode.Missing, handlers);
                    worlds.Add(dispatcher, "hugetlb", PostCopyMode.Minor, handlers);
                }
            }

            return worlds;
        }
    }

    [Theory]
    [MemberData(nameof(Worlds))]
    public async Task Every_page_arrives_and_the_destination_equals_the_source_with_the_guests_writes(
        string dispatcher, string? backend, PostCopyMode mode, int handlers)
    {
        using GuestImage image = GuestImage.Make(4 << 20, 7);
        PostCopyOptions options = new() { Image = image, Backend = backend, Mode = mode, Handlers = handlers, Accesses = 20_000 };

        PostCopyReport report = await Migrations.RunAsync(dispatcher, options);

        Assert.True(report.Verified, report.GuestError);
        Assert.Equal(0, report.MissingPages);
        Assert.Equal(report.SourceHash, report.DestinationHash);
        Assert.Equal(20_000, report.Accesses);
        Assert.NotEqual(0, report.WrittenLanes);
        // Every page of the destination's own size came once: on demand or by push, with content or as zeros.
        Assert.Equal(backend == "hugetlb" ? 2 << 20 : 4096, report.PageBytes);
        Assert.Equal(image.Bytes / report.PageBytes, report.Pages);
        Assert.Equal(report.Pages, report.DemandPages + report.DemandZeroPages + report.PushedPages + report.PushedZeroPages);
        int unit = report.PageBytes / 4096;
        long zeros = Enumerable.Range(0, (int)report.Pages)
            .LongCount(page => Enumerable.Range(page * unit, unit).All(p => image.IsZero(p)));
        Assert.Equal(zeros, report.DemandZeroPages + report.PushedZeroPages);
    }
}
