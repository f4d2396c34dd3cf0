using UffdActors.Handling;
using UffdActors.Model;

namespace UffdActors.Tests.Facade;

/// <summary>Options that no machine can have: the message names the option, and nothing inside is asked first.</summary>
public class OptionLimitTests
{
    [Theory]
    [InlineData(67_108_864, null, ContentKind.Bytes, "MemoryPages = 67108864: use 1 to 67108863.")]
    [InlineData(1L << 50, null, ContentKind.Bytes, "MemoryPages = 1125899906842624: use 1 to 67108863.")]
    [InlineData(1, 1L << 40, ContentKind.Bytes, "HugePages or uffd.kernel.huge-pages = 1099511627776: use 0 to 67108863.")]
    public async Task Memory_that_the_model_cannot_have_is_refused_by_the_options_name(
        long pages, long? hugePages, ContentKind content, string says)
    {
        await using UffdRuntime runtime = UffdRuntime.Start();

        ArgumentOutOfRangeException refused = await Assert.ThrowsAsync<ArgumentOutOfRangeException>(
            () => runtime.CreateVmAsync(new VmOptions { MemoryPages = pages, HugePages = hugePages, Content = content }));

        Assert.StartsWith(says, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_workload_that_is_null_is_refused_by_its_name()
    {
        await using UffdRuntime runtime = UffdRuntime.Start();
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });

        ArgumentException refused = await Assert.ThrowsAsync<ArgumentException>(() => vm.StartVcpusAsync([null!]));

        Assert.Contains("workload is null", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>Clocks count nanoseconds: a time that does not fit into them must not be taken for one that is over.</summary>
    [Fact]
    public void Patience_of_more_than_a_hundred_years_is_endless()
    {
        Assert.All(
            new[] { TimeSpan.MaxValue, TimeSpan.FromDays(36_501), Timeout.InfiniteTimeSpan },
            limit => Assert.True(new Patience(limit, Resumes: false).IsEndless));
        Assert.False(new Patience(TimeSpan.FromDays(36_500), Resumes: false).IsEndless);
        Assert.True(new Patience(TimeSpan.FromDays(36_500), Resumes: false).Nanoseconds > 0);
    }
}
