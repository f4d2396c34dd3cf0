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
        using ForeignCalls calls = new(incidents, hasTimer: false);
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
}
