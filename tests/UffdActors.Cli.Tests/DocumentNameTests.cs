using System.Text.Json;

namespace UffdActors.Cli.Tests;

/// <summary>What all documents have in common.</summary>
public class DocumentNameTests
{
    [Theory]
    [InlineData("uffd-postcopy", "postcopy", "--memory", "64K", "--accesses", "100")]
    [InlineData("uffd-backends", "backends")]
    [InlineData("uffd-explore", "explore", "--scenario", "tiny-fault", "--schedules", "10", "--threads", "1")]
    [InlineData("uffd-conform", "conform", "--filter", "events-1.", "--seeds", "0", "--via", "kernel")]
    [InlineData("uffd-ask", "ask", "--backend", "anon", "--state", "none", "--modes", "M", "--do", "copy")]
    [InlineData("uffd-diff", "diff", "linux-6.18", "linux-6.18")]
    [InlineData("uffd-designs", "designs", "--rounds", "0")]
    [InlineData("uffd-doctor", "doctor")]
    [InlineData(
        "uffd-stress", "stress", "--world", "model", "--rounds", "1", "--duration", "30", "--pages", "16", "--vcpus", "2", "--load", "0",
        "--gc", "off")]
    [InlineData("uffd-bench-faults", "bench", "faults", "--vcpus", "1", "--pages", "64", "--repeats", "1")]
    [InlineData("uffd-bench-events", "bench", "events", "--events", "64", "--regions", "1", "--repeats", "1")]
    public async Task Every_document_has_a_version_a_kind_and_names_in_camel_case(string kind, params string[] command)
    {
        CommandRun run = await CommandRun.Of([.. command, "--json", "-"]);
        // A stress of one round may have exercised too little; its document says so.
        Assert.True(run.ExitCode == 0 || kind == "uffd-stress", run.Error);
        using JsonDocument document = JsonDocument.Parse(run.Output);
        Assert.InRange(document.RootElement.GetProperty("version").GetInt32(), 1, int.MaxValue);
        Assert.Equal(kind, document.RootElement.GetProperty("kind").GetString());
        Assert.DoesNotContain(
            NamesIn(document.RootElement), name => name.Contains('_', StringComparison.Ordinal) || !char.IsAsciiLetterLower(name[0]));
    }

    private static IEnumerable<string> NamesIn(JsonElement element) => element.ValueKind switch
    {
        // Under "config" the names are the kernel's: CONFIG_USERFAULTFD.
        JsonValueKind.Object => element.EnumerateObject().SelectMany(p => p.Name == "config" ? [p.Name] : NamesIn(p.Value).Prepend(p.Name)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(NamesIn),
        _ => [],
    };
}
