using UffdActors.Cli.Options;

namespace UffdActors.Cli.Tests;

public class SizeTests
{
    [Theory]
    [InlineData("4096", 4096)]
    [InlineData("1k", 1024)]
    [InlineData("256M", 256L << 20)]
    [InlineData("256MiB", 256L << 20)]
    [InlineData("256mib", 256L << 20)]
    [InlineData("1G", 1L << 30)]
    [InlineData("2TiB", 2L << 40)]
    public void Sizes_are_bytes_or_powers_of_1024(string text, long bytes)
    {
        Assert.True(SizeText.TryParse(text, out long parsed));
        Assert.Equal(bytes, parsed);
    }

    [Theory]
    [InlineData("")]
    [InlineData("M")]
    [InlineData("12Q")]
    [InlineData("12MB")]
    [InlineData("1.5G")]
    [InlineData("-1")]
    [InlineData("4 096")]
    [InlineData("99999999T")]
    [InlineData("99999999999999999999")]
    public void What_is_no_size_is_refused(string text) => Assert.False(SizeText.TryParse(text, out _));

    [Theory]
    [InlineData(1, "1 bytes")]
    [InlineData(4096, "4 KiB")]
    [InlineData(4097, "4,097 bytes")]
    [InlineData(256L << 20, "256 MiB")]
    public void Sizes_are_written_without_a_fraction(long bytes, string text) => Assert.Equal(text, SizeText.Of(bytes));
}
