using System.Text.Json;
using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Tests;

/// <summary><c>uffd vmm migrate</c>, and <c>--guest kvm</c> of the migrations between processes.</summary>
public sealed class VmmMigrateTests
{
    [SkippableTheory]
    [InlineData("--program", "scatter")]
    [InlineData("--program", "balloon", "--backend", "shmem", "--precopy-rounds", "2")]
    [InlineData("--backend", "shmem", "--mode", "minor", "--vcpus", "4")]
    public async Task A_guest_that_runs_ends_in_the_other_process_as_its_copy_ends_here(params string[] options)
    {
        await VmmRunTests.RequireKvmAsync();
        CommandRun run = await CommandRun.Of(
            ["vmm", "migrate", "--memory", "1M", "--rounds", "150", "--run-first", "10ms", "--json", "-", .. options]);
        run.EndsWith(ExitCode.Done);
        DocumentRules.Hold(run.Output, "uffd-vmm-migrate");
        JsonElement document = JsonDocument.Parse(run.Output).RootElement;
        Assert.True(document.GetProperty("verified").GetBoolean());
        JsonElement source = document.GetProperty("source");
        JsonElement destination = document.GetProperty("destination");
        Assert.True(source.GetProperty("delivered").GetBoolean());
        Assert.Equal(source.GetProperty("expectedSha256").GetString(), destination.GetProperty("actualSha256").GetString());
        string[] expected = Texts(source.GetProperty("kvm").GetProperty("expectedChecksums"));
        Assert.NotEmpty(expected);
        Assert.Equal(expected, Texts(destination.GetProperty("kvm").GetProperty("checksums")));
        // What was to run at the source ran when it left, and the rest of its rounds ran at the destination.
        Assert.True(source.GetProperty("kvm").GetProperty("leftRunning").GetInt32() > 0);
        if (options.Contains("balloon")) Assert.True(destination.GetProperty("kvm").GetProperty("givenBackPages").GetInt64() > 0);
    }

    [Fact]
    public async Task A_KVM_guest_in_the_model_is_refused()
    {
        CommandRun run = await CommandRun.Of("migrate", "demo", "--guest", "kvm", "--world", "model");
        run.EndsWith(ExitCode.BadInput);
        Assert.Contains(
            "--world model: a KVM guest runs on the kernel of this machine; use --world live.", run.Error, StringComparison.Ordinal);
    }

    private static string[] Texts(JsonElement array) => [.. array.EnumerateArray().Select(e => e.GetString()!)];
}
