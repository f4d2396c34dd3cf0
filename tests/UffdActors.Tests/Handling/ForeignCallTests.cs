using UffdActors.Failures;
using UffdActors.Handling;

namespace UffdActors.Tests.Handling;

/// <summary>A call blocks if it is under way for a second, not if it is looked at three times.</summary>
public sealed class ForeignCallTests
{
    private const long Millisecond = 1_000_000;

    [Fact]
    public void Looks_that_come_all_at_once_say_nothing_about_how_long_a_call_lasts()
    {
        IncidentLog incidents = new(10);
        using ForeignCalls calls = new(incidents, time: null);
        ForeignCall call = new();
        calls.Add(call);
        call.Begin("Request of a page source");

        for (int i = 0; i < 10; i++) calls.OnTimer(Millisecond + i);
        calls.OnTimer(500 * Millisecond);
        Assert.False(incidents.Reader.TryRead(out _));
        calls.OnTimer(1000 * Millisecond);

        Assert.True(incidents.Reader.TryRead(out Incident? blocks));
        Assert.Equal(IncidentKind.BlockingCall, blocks.Kind);
        Assert.Contains(
            "Request of a page source has been called in a turn and has not returned for 1 s", blocks.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nobody_looks_while_nothing_is_called_and_the_next_call_is_looked_at_again()
    {
        IncidentLog incidents = new(10);
        OneTimer time = new();
        using ForeignCalls calls = new(incidents, time);
        ForeignCall call = new();
        calls.Add(call);
        Assert.False(time.IsRunning);

        for (int round = 0; round < 2; round++)
        {
            call.Begin("Request of a page source");
            Assert.True(time.IsRunning);
            call.End();
            calls.Look();
            // There was a call since the look before.
            Assert.True(time.IsRunning);
            calls.Look();
            Assert.False(time.IsRunning);
        }

        call.Begin("Request of a page source");
        for (int i = 0; i < 3; i++)
        {
            Assert.False(incidents.Reader.TryRead(out _));
            calls.Look();
            Assert.True(time.IsRunning);
        }

        Assert.True(incidents.Reader.TryRead(out Incident? blocks));
        Assert.Equal(IncidentKind.BlockingCall, blocks.Kind);
    }

    private sealed class OneTimer : TimeProvider, ITimer
    {
        public bool IsRunning { get; private set; }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _ = Change(dueTime, period);
            return this;
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            IsRunning = dueTime != Timeout.InfiniteTimeSpan;
            return true;
        }

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
