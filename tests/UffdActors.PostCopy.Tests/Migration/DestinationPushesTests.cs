using UffdActors.PostCopy.Migration;

namespace UffdActors.PostCopy.Tests.Migration;

/// <summary>How the pushes of a destination begin, when they were steered before.</summary>
public sealed class DestinationPushesTests
{
    [Fact]
    public void A_push_begins_as_it_was_said_before_there_was_one()
    {
        PrefetchOptions options = new() { BytesPerSecond = 7, OnOwnThread = true, KeepsHoles = true };
        DestinationPushes pushes = new();
        Assert.Equal(options, pushes.Begin(options with { KeepsHoles = false }));

        pushes.Pause();
        Assert.Equal(options with { StartsPaused = true }, pushes.Begin(options));
        pushes.BytesPerSecond = 0;
        Assert.Equal(options with { StartsPaused = true, BytesPerSecond = 0 }, pushes.Begin(options));
        pushes.Resume();
        Assert.Equal(options with { BytesPerSecond = 0 }, pushes.Begin(options));
    }
}
