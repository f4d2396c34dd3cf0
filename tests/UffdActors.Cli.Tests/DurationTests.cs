using UffdActors.Cli.Options;
using UffdActors.Cli.Reports;

namespace UffdActors.Cli.Tests;

public sealed class DurationTests
{
    [Theory]
    [InlineData("90", 90)]
    [InlineData("90s", 90)]
    [InlineData("500ms", 0.5)]
    [InlineData("46.7 us", 0.0000467)]
    [InlineData("1.5m", 90)]
    [InlineData("8h", 28800)]
    [InlineData("00:01:00", 60)]
    public void Durations_are_seconds_or_have_a_unit(string text, double seconds)
    {
        Assert.True(DurationText.TryParse(text, out TimeSpan time));
        Assert.Equal(seconds, time.TotalSeconds, 7);
    }

    [Theory]
    [InlineData("")]
    [InlineData("s")]
    [InlineData("0")]
    [InlineData("-1s")]
    [InlineData("50ns")]
    [InlineData("41d")]
    [InlineData("00:00:00")]
    [InlineData("-00:01:00")]
    [InlineData("soon")]
    public void Other_texts_are_none(string text) => Assert.False(DurationText.TryParse(text, out _));

    [Theory]
    [InlineData(467)]
    [InlineData(47_000)]
    [InlineData(300_000)]
    [InlineData(123_460_000)]
    public void What_a_report_prints_can_be_typed(long ticks)
    {
        TimeSpan time = TimeSpan.FromTicks(ticks);

        Assert.True(DurationText.TryParse(Figures.Time(time), out TimeSpan typed));
        Assert.Equal(time, typed);
    }
}
