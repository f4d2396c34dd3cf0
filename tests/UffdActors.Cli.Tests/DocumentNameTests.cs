using System.Text.Json;

namespace UffdActors.Cli.Tests;

public class DocumentNameTests
{
    [Theory]
    [InlineData("postcopy", "--memory", "64K", "--accesses", "100")]
    [InlineData("backends")]
    [InlineData("explore", "--scenario", "tiny-fault", "--schedules", "10", "--threads", "1")]
    [InlineData("conform", "--filter", "events-1.", "--seeds", "0", "--via", "kernel")]
    [InlineData("bench", "faults", "--vcpus", "1", "--pages", "64", "--repeats", "1")]
    public async Task Every_document_names_its_fields_in_camel_case(params string[] command)
    {
        CommandRun run = await CommandRun.Of([.. command, "--json", "-"]);
        Assert.Equal("", run.ExitCode == 0 ? "" : run.Error);
        using JsonDocument document = JsonDocument.Parse(run.Output);
        Assert.DoesNotContain(NamesIn(document.RootElement), name => name.Contains('_', StringComparison.Ordinal) || !char.IsAsciiLetterLower(name[0]));
    }

    private static IEnumerable<string> NamesIn(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(p => NamesIn(p.Value).Prepend(p.Name)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(NamesIn),
        _ => [],
    };
}
