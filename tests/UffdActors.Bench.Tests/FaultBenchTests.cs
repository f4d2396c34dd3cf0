namespace UffdActors.Bench.Tests;

public sealed class FaultBenchTests
{
    private const long Pages = 512;

    /// <summary>vCPU to context, to handler, to the VMA's owner, to context, to vCPU.</summary>
    private const int MessagesOfAMissingFault = 5;

    /// <summary>The module's backend is one more.</summary>
    private const int MessagesOfAMinorFault = 6;

    [Theory]
    [InlineData("fault-loop")]
    [InlineData("parallel")]
    [InlineData("stepped")]
    public async Task Every_page_is_one_fault_of_five_counted_messages(string dispatcher)
    {
        FaultBenchRow row = await RowOf(new FaultBenchOptions { Dispatchers = [dispatcher], Vcpus = [4], Pages = Pages, Repeats = 1 });
        Assert.Equal(MessagesOfAMissingFault, Math.Round(row.MessagesPerFault));
        Assert.True(row.FaultsPerSecond.Median > 0);
        Assert.True(row.EmptyHopNanoseconds.Median > 0);
    }

    [Theory]
    [InlineData(BenchContent.Phantom)]
    [InlineData(BenchContent.Bytes)]
    internal async Task A_minor_fault_takes_one_message_more_for_the_backend(BenchContent content)
    {
        FaultBenchRow row =
            await RowOf(new FaultBenchOptions { Mode = BenchMode.Minor, Content = content, Vcpus = [2], Pages = Pages, Repeats = 1 });
        Assert.Equal(MessagesOfAMinorFault, Math.Round(row.MessagesPerFault));
    }

    [Fact]
    public async Task Real_bytes_are_copied_and_checked()
    {
        FaultBenchRow row = await RowOf(new FaultBenchOptions { Content = BenchContent.Bytes, Vcpus = [3], Pages = Pages, Repeats = 1 });
        Assert.Equal(MessagesOfAMissingFault, Math.Round(row.MessagesPerFault));
    }

    [Fact]
    public async Task Two_vms_run_side_by_side_and_are_set_beside_one()
    {
        FaultBenchRow row = await RowOf(new FaultBenchOptions { Vms = 2, Vcpus = [2], Pages = Pages, Repeats = 1 });
        Assert.Equal(2, row.Vms!.Count);
        Assert.True(row.Vms.OverOne.Median > 0);
        Assert.Null(row.Processes);
    }

    [Theory]
    [InlineData(0, 1, "0 vCPUs")]
    [InlineData(600, 1, "600 vCPUs")]
    [InlineData(4, 0, "0 repeats")]
    public void Options_out_of_range_are_named(int vcpus, int repeats, string named)
    {
        BenchException e =
            Assert.Throws<BenchException>(() => new FaultBench(new FaultBenchOptions { Vcpus = [vcpus], Repeats = repeats }));
        Assert.Contains(named, e.Message, StringComparison.Ordinal);
    }

    private static async Task<FaultBenchRow> RowOf(FaultBenchOptions options) =>
        Assert.Single((await new FaultBench(options).RunAsync()).Rows);
}
