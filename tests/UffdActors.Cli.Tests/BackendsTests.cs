using System.Text.Json;

namespace UffdActors.Cli.Tests;

public sealed class BackendsTests : IDisposable
{
    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    [Fact]
    public async Task Tables_and_what_register_reports_stand_side_by_side()
    {
        JsonElement shmem = await BackendAsync("shmem");
        Assert.Equal(["COPY", "ZEROPAGE", "WRITEPROTECT", "CONTINUE", "POISON"], Strings(shmem.GetProperty("ioctls")));
        JsonElement all = shmem.GetProperty("register")[3];
        Assert.Equal(["MISSING", "WP", "MINOR"], Strings(all.GetProperty("modes")));
        Assert.Equal(["WAKE", "COPY", "ZEROPAGE", "MOVE", "WRITEPROTECT", "CONTINUE", "POISON"], Strings(all.GetProperty("reports")));
        // Advertised, and always refused: the mask says nothing about the memory.
        Assert.Equal(["MOVE"], Strings(all.GetProperty("reportsBeyondTable")));
    }

    [Fact]
    public async Task Anonymous_memory_is_listed_as_core()
    {
        JsonElement anonymous = await BackendAsync("anon");
        Assert.True(anonymous.GetProperty("isCore").GetBoolean());
        Assert.Equal("EINVAL", anonymous.GetProperty("register")[2].GetProperty("errno").GetString());
    }

    [Fact]
    public async Task Huge_pages_are_registered_with_what_the_kernel_has_for_them()
    {
        JsonElement hugetlb = await BackendAsync("hugetlb");
        Assert.Equal(2 << 20, hugetlb.GetProperty("pageBytes").GetInt64());
        Assert.Equal(["WAKE", "COPY", "POISON"], Strings(hugetlb.GetProperty("register")[0].GetProperty("reports")));
    }

    [Fact]
    public async Task Without_the_table_guest_memfd_cannot_be_registered()
    {
        JsonElement memfd = await BackendAsync("guest-memfd", "--profile", "linux-6.18");
        Assert.All(memfd.GetProperty("register").EnumerateArray(), answer => Assert.Equal("EINVAL", answer.GetProperty("errno").GetString()));
    }

    [Fact]
    public async Task A_module_from_an_assembly_of_its_own_is_listed_and_serves_a_guest_whose_memory_it_holds()
    {
        string firmware = _place.Path("firmware.bin");
        await File.WriteAllBytesAsync(firmware, [.. Enumerable.Range(0, 40_000).Select(i => (byte)(i * 7))]);
        string config = _place.Write(
            "uffd.conf",
            $"uffd.modules = [\"shmem\", \"UffdActors.SampleRom.RomModule, {Workplace.SampleRom}\"]\nuffd.module.rom.file = \"{firmware}\"\n");
        string[] rom = ["postcopy", "--config", config, "--backend", "rom", "--image", firmware, "--accesses", "1000"];

        Assert.Equal(["CONTINUE"], Strings((await BackendAsync("rom", "--config", config)).GetProperty("ioctls")));
        CommandRun reads = await CommandRun.Of([.. rom, "--mode", "minor", "--write-ratio", "0"]);
        Assert.True(reads.ExitCode == ExitCode.Done, reads.Error + reads.Output);
        await RefusedAsync("read-only", [.. rom, "--mode", "minor"]);
        await RefusedAsync("rom supports MINOR", [.. rom, "--write-ratio", "0"]);

        CommandRun another = await CommandRun.Of("postcopy", "--config", config, "--backend", "rom", "--mode", "minor", "--write-ratio", "0", "--memory", "40000");
        another.EndsWith(ExitCode.Failed);
        Assert.Contains("NOT VERIFIED", another.Output, StringComparison.Ordinal);
    }

    private static async Task RefusedAsync(string says, string[] command)
    {
        CommandRun run = await CommandRun.Of(command);
        run.EndsWith(ExitCode.BadInput);
        Assert.Contains(says, Assert.Single(run.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    private static async Task<JsonElement> BackendAsync(string name, params string[] options)
    {
        CommandRun run = await CommandRun.Of(["backends", "--json", "-", .. options]);
        Assert.True(run.ExitCode == ExitCode.Done, run.Error);
        using JsonDocument document = JsonDocument.Parse(run.Output);
        return document.RootElement.GetProperty("backends").EnumerateArray().Single(b => b.GetProperty("name").GetString() == name).Clone();
    }

    private static string[] Strings(JsonElement array) => [.. array.EnumerateArray().Select(e => e.GetString()!)];
}
