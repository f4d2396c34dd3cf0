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

    /// <summary>A page source that blocks is only reported: the embedder may go on with the rest.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_hook_that_blocks_for_half_a_minute_ends_the_calls_that_wait_and_no_others_once_it_has_returned(bool endsCalls)
    {
        using ForeignCalls calls = new(new IncidentLog(10), time: null);
        ForeignCall call = new() { EndsCalls = endsCalls };
        calls.Add(call);
        call.Begin("Module \"lab\", making a folio,");

        for (int i = 0; i < 60; i++) calls.Look();
        Assert.False(calls.Stuck.IsCompleted);
        calls.Look();
        Assert.Equal(endsCalls, calls.Stuck.IsCompleted);

        call.End();
        calls.Look();
        Assert.False(calls.Stuck.IsCompleted);
    }

    [Fact]
    public void Hooks_that_are_called_at_the_same_time_are_watched_each_by_itself()
    {
        IncidentLog incidents = new(10);
        using ForeignCalls calls = new(incidents, time: null);
        HookWatch hooks = new(calls);
        int[] under = [.. Enumerable.Range(0, 16).Select(i => hooks.Begin($"hook {i}"))];
        Assert.Equal(Enumerable.Range(0, 16), under.Order());
        Assert.True(hooks.Begin("one more") < 0);

        hooks.End(under[3]);
        Assert.DoesNotContain(calls.UnderWay, c => c.Name == "hook 3");
        Assert.Equal(15, calls.UnderWay.Count);
        Assert.Equal(under[3], hooks.Begin("hook 3 again"));
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
