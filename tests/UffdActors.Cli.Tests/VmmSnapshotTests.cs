using System.Text.Json;
using UffdActors.Cli.Hosting;
using UffdActors.Kvm;
using UffdActors.Linux.Needs;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Cli.Tests;

/// <summary><c>uffd vmm snapshot</c>, <c>restore</c> and <c>clone</c>.</summary>
public sealed class VmmSnapshotTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("uffd-vmm-snapshot-");

    [SkippableFact]
    public async Task A_guest_is_taken_live_and_again_over_that_and_restored_and_cloned()
    {
        await RequireKvmAsync();
        JsonElement taken = await RunAsync(
            "uffd-vmm-snapshot", "snapshot", FileOf("base"), "--memory", "1M", "--rounds", "3", "--after-rounds", "1", "--live");
        Assert.True(taken.GetProperty("live").GetBoolean());
        Assert.InRange(taken.GetProperty("progress").GetDouble(), 0.33, 1);
        JsonElement child = await RunAsync("uffd-vmm-snapshot", "snapshot", FileOf("child"), "--parent", FileOf("base"), "--after", "90%");
        Assert.Equal(1, child.GetProperty("parents").GetInt32());
        JsonElement restored = await RunAsync("uffd-vmm-restore", "restore", FileOf("child"));
        Assert.InRange(restored.GetProperty("progress").GetDouble(), 0.9, 1);
        JsonElement cloned = await RunAsync("uffd-vmm-clone", "clone", FileOf("child"), "2");
        Assert.Equal(2, cloned.GetProperty("guests").GetArrayLength());
    }

    [Theory]
    [InlineData("restore")]
    [InlineData("clone", "2")]
    public async Task A_snapshot_that_is_none_is_bad_input(string command, params string[] more)
    {
        await File.WriteAllTextAsync(FileOf("none"), "memory");
        CommandRun run = await CommandRun.Of(["vmm", command, FileOf("none"), .. more]);
        run.EndsWith(ExitCode.BadInput);
        Assert.StartsWith(
            $"uffd: State \"{FileOf("none")}.json\" of a snapshot cannot be used: ", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--after 101%: write a share", "--after", "101%")]
    [InlineData("--after now: write a share", "--after", "now")]
    [InlineData("--parent and --vcpus cannot be used together", "--parent", "any", "--vcpus", "2")]
    [InlineData("--backend disk: must be one of anon, shmem, hugetlb", "--backend", "disk")]
    [InlineData("--program balloon gives single pages back, which hugetlb", "--backend", "hugetlb", "--program", "balloon")]
    public async Task What_cannot_be_a_snapshot_is_bad_input(string says, params string[] options)
    {
        CommandRun run = await CommandRun.Of(["vmm", "snapshot", FileOf("any"), .. options]);
        run.EndsWith(ExitCode.BadInput);
        Assert.Contains(says, run.Error, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private string FileOf(string name) => Path.Combine(_folder.FullName, name);

    private static async Task<JsonElement> RunAsync(string kind, params string[] arguments)
    {
        CommandRun run = await CommandRun.Of(["vmm", .. arguments, "--json", "-"]);
        run.EndsWith(ExitCode.Done);
        DocumentRules.Hold(run.Output, kind);
        JsonElement document = JsonDocument.Parse(run.Output).RootElement;
        Assert.True(document.GetProperty("verified").GetBoolean());
        return document;
    }

    private static async Task RequireKvmAsync()
    {
        ThisKernel.Require();
        try
        {
            await using KvmHost host = KvmHost.Start();
        }
        catch (UnsupportedMachineException e)
        {
            Skip.If(true, e.Message);
        }
    }
}
