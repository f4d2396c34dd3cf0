namespace UffdActors.PostCopy.Tests;

public sealed class OptionRangeTests
{
    public static TheoryData<string, Func<PostCopyOptions, PostCopyOptions>> Wrong => new()
    {
        { "Workload = 77", o => o with { Workload = (WorkloadKind)77 } },
        { "Mode = 77", o => o with { Mode = (PostCopyMode)77 } },
        { "StallTimeout = 00:00:00", o => o with { StallTimeout = TimeSpan.Zero } },
        { "StallTimeout", o => o with { StallTimeout = TimeSpan.FromSeconds(-5) } },
        { "WriteRatio = NaN", o => o with { WriteRatio = double.NaN } },
        { "WriteRatio = 2", o => o with { WriteRatio = 2 } },
        { "Vcpus", o => o with { Vcpus = 0 } },
        { "Handlers", o => o with { Handlers = 65 } },
        { "Accesses", o => o with { Accesses = -1 } },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task An_option_out_of_its_range_is_refused_by_name_before_anything_is_made(
        string says, Func<PostCopyOptions, PostCopyOptions> change)
    {
        using GuestImage image = GuestImage.Make(4096, 1);
        PostCopyOptions options = change(new PostCopyOptions { Image = image });

        ArgumentOutOfRangeException refused =
            await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => Migrations.RunAsync("fault-loop", options));

        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
    }
}
