using UffdActors.Testing.ThisMachine;

namespace UffdActors.Samples.Tests;

/// <summary>Every sample does what it says, in both worlds.</summary>
public sealed class SampleTests
{
    [SkippableTheory]
    [InlineData("model")]
    [InlineData("live")]
    public Task Embedding_brings_every_page(string world) =>
        TellsAsync(EmbedSample.RunAsync, world, "embed: 1024 of 1024 pages are there, 5000 accesses");

    [SkippableTheory]
    [InlineData("model")]
    [InlineData("live")]
    public Task A_source_over_TCP_brings_every_page_right(string world) =>
        TellsAsync(TcpSample.RunAsync, world, "tcp: 128 pages by demand, 128 by push, 0 wrong");

    [SkippableTheory]
    [InlineData("model")]
    [InlineData("live")]
    public Task A_hosted_vm_serves_and_is_healthy(string world) =>
        TellsAsync(HostedSample.RunAsync, world, "hosted: 1000 accesses, Healthy");

    private static async Task TellsAsync(Func<string, TextWriter, Task> sample, string world, string line)
    {
        if (world == "live") ThisKernel.Require();
        using StringWriter output = new();
        await sample(world, output);
        Assert.Equal(line, output.ToString().TrimEnd());
    }
}
