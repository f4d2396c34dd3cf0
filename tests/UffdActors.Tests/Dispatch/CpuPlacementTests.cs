using System.Globalization;

namespace UffdActors.Tests.Dispatch;

/// <summary>What a thread is made by its placement.</summary>
public sealed class CpuPlacementTests
{
    // proc(5): the nineteenth field of stat, counted behind the name in parentheses.
    private const int NiceBehindName = 16;

    [Fact]
    public void A_thread_of_the_background_and_no_other_has_a_nice_value_that_is_5_higher()
    {
        (int Before, int After) nice = default;
        Thread thread = new(() =>
        {
            nice.Before = NiceOfThisThread();
            CpuPlacement.MakeCurrentThreadBackground();
            nice.After = NiceOfThisThread();
        });
        int here = NiceOfThisThread();
        thread.Start();
        thread.Join();

        Assert.Equal(Math.Min(19, nice.Before + 5), nice.After);
        Assert.Equal(here, NiceOfThisThread());
    }

    private static int NiceOfThisThread()
    {
        string stat = File.ReadAllText("/proc/thread-self/stat");
        return int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[NiceBehindName], CultureInfo.InvariantCulture);
    }
}
