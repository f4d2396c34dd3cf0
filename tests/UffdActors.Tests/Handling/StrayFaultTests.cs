using UffdActors.Handling;

namespace UffdActors.Tests.Handling;

/// <summary>Faults at addresses that the reader does not know: woken, but never for ever.</summary>
public sealed class StrayFaultTests
{
    private const ulong Page = 0x7000_0000;
    private readonly StrayFaults _strays = new();
    private long _now;

    [Fact]
    public void The_first_fault_where_nothing_is_registered_is_woken_at_once_and_elsewhere_held_for_the_event_that_explains_it()
    {
        Assert.Equal(StrayStep.Wake, Take(isRegistered: false));
        Assert.Equal(StrayStep.Hold, _strays.Take(Page + 4096, isRegistered: true, _now, out _));
        Assert.Equal([Page + 4096], _strays.Clear());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void One_that_comes_again_and_again_is_woken_less_and_less_often_and_left_asleep_after_a_second_with_one_report(
        bool isRegistered)
    {
        int wakes = Take(isRegistered) == StrayStep.Wake ? 1 : 0;
        if (isRegistered) wakes += LetGo(default);
        StrayStep step;
        while ((step = Take(isRegistered, out TimeSpan delay)) == StrayStep.Hold) wakes += LetGo(delay);

        Assert.Equal(StrayStep.Report, step);
        Assert.InRange(wakes, 10, 40);
        Assert.InRange(_now, (long)StrayFaults.Patience.TotalNanoseconds, 2 * (long)StrayFaults.Patience.TotalNanoseconds);
        Assert.False(_strays.TryLetGo(Page));
        Assert.Equal(StrayStep.Join, Take(isRegistered));
        Assert.True(_strays.HasSleepers);
    }

    [Fact]
    public void After_an_event_it_begins_anew()
    {
        _ = Take(isRegistered: false);
        _ = Take(isRegistered: false);
        Assert.Equal([Page], _strays.Clear());
        Assert.False(_strays.TryLetGo(Page));
        Assert.Equal(StrayStep.Wake, Take(isRegistered: false));
    }

    [Fact]
    public void What_was_woken_and_never_came_back_takes_no_memory_for_ever_and_who_sleeps_is_not_forgotten()
    {
        _ = Take(isRegistered: true);
        for (ulong page = 1; page < 10_000; page++)
            Assert.Equal(StrayStep.Wake, _strays.Take(Page + (page << 12), isRegistered: false, _now, out _));
        Assert.Equal([Page], _strays.Clear());
    }

    private StrayStep Take(bool isRegistered) => Take(isRegistered, out _);

    private StrayStep Take(bool isRegistered, out TimeSpan delay) => _strays.Take(Page, isRegistered, _now, out delay);

    private int LetGo(TimeSpan delay)
    {
        _now += (long)delay.TotalNanoseconds;
        Assert.True(_strays.TryLetGo(Page));
        return 1;
    }
}
