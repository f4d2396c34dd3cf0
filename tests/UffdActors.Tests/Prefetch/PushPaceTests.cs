using UffdActors.Prefetch;

namespace UffdActors.Tests.Prefetch;

/// <summary>How much a push asks for ahead, and how fast.</summary>
public sealed class PushPaceTests
{
    private const long Second = 1_000_000_000;

    [Fact]
    public void The_window_grows_by_doubling_up_to_its_end_and_a_demand_halves_it_down_to_a_few_chunks()
    {
        PushWindow window = new(24);
        List<int> chunks = [window.Chunks];
        window.Shrink();
        chunks.Add(window.Chunks);
        for (int i = 0; i < 5; i++)
        {
            window.Grow();
            chunks.Add(window.Chunks);
        }

        for (int i = 0; i < 3; i++)
        {
            window.Shrink();
            chunks.Add(window.Chunks);
        }

        Assert.Equal([1, 1, 2, 4, 8, 16, 24, 12, 8, 8], chunks);
        Assert.False(window.IsOne);
        Assert.True(new PushWindow(1).IsOne);
    }

    [Fact]
    public void What_was_asked_for_is_owed_and_time_pays()
    {
        PushRate rate = new() { BytesPerSecond = 1000 };
        Assert.Equal(TimeSpan.Zero, rate.Wait(5 * Second));
        rate.Spend(500, 5 * Second);
        Assert.Equal(TimeSpan.FromSeconds(0.5), rate.Wait(5 * Second));
        Assert.Equal(TimeSpan.FromSeconds(0.25), rate.Wait((5 * Second) + (Second / 4)));
        Assert.Equal(TimeSpan.Zero, rate.Wait(6 * Second));
        // What was not used is not saved up.
        rate.Spend(500, 60 * Second);
        Assert.Equal(TimeSpan.FromSeconds(0.5), rate.Wait(60 * Second));
    }

    [Fact]
    public void Pages_of_zeros_are_given_back_and_no_limit_owes_nothing()
    {
        PushRate rate = new() { BytesPerSecond = 1000 };
        rate.Spend(800, 0);
        rate.Refund(600);
        Assert.Equal(TimeSpan.FromSeconds(0.2), rate.Wait(0));
        rate.Refund(600);
        Assert.Equal(TimeSpan.Zero, rate.Wait(0));
        rate.Spend(800, 0);
        rate.BytesPerSecond = 0;
        Assert.Equal(TimeSpan.Zero, rate.Wait(0));
        rate.Spend(1 << 30, 0);
        rate.BytesPerSecond = 1;
        Assert.Equal(TimeSpan.Zero, rate.Wait(0));
    }

    [Fact]
    public void A_slow_rate_is_looked_at_again_within_a_second_for_it_may_have_been_changed()
    {
        PushRate rate = new() { BytesPerSecond = 1 };
        rate.Spend(1 << 20, 0);
        Assert.Equal(TimeSpan.FromSeconds(1), rate.Wait(0));
    }
}
