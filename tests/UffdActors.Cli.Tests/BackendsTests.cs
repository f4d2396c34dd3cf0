using System.Text.Json;
using UffdActors.Cli.Hosting;

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
        Assert.All(
            memfd.GetProperty("register").EnumerateArray(), answer => Assert.Equal("EINVAL", answer.GetProperty("errno").GetString()));
    }

    [Fact]
    public async Task A_module_from_an_assembly_of_its_own_is_listed_and_serves_a_guest_whose_memory_it_holds()
    {
        string firmware = _place.Path("firmware.bin");
        await File.WriteAllBytesAsync(firmware, [.. Enumerable.Range(0, 40_000).Select(i => (byte)(i * 7))]);
        string config = _place.Write(
            "uffd.conf",
            $"uffd.modules = [\"shmem\", \"UffdActors.SampleRom.RomModule, {Workplace.SampleRom}\"]\nuffd.module.rom.file = "
                + $"\"{firmware}\"\n");
        string[] rom = ["postcopy", "--config", config, "--backend", "rom", "--image", firmware, "--accesses", "1000"];

        Assert.Equal(["CONTINUE"], Strings((await BackendAsync("rom", "--config", config)).GetProperty("ioctls")));
        CommandRun reads = await CommandRun.Of([.. rom, "--mode", "minor", "--write-ratio", "0"]);
        Assert.True(reads.ExitCode == ExitCode.Done, reads.Error + reads.Output);
        await RefusedAsync("read-only", [.. rom, "--mode", "minor"]);
        await RefusedAsync("rom supports MINOR", [.. rom, "--write-ratio", "0"]);

        CommandRun another = await CommandRun.Of(
            "postcopy", "--config", config, "--backend", "rom", "--mode", "minor", "--write-ratio", "0", "--memory", "40000");
        another.EndsWith(ExitCode.Failed);
        Assert.Contains("NOT VERIFIED", another.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("constructor", "throw", "cannot be made: out of order")]
    [InlineData("constructor", "silent", "cannot be made: SilentException, without a message")]
    [InlineData("constructor", "mute", "cannot be made: MuteException, without a message")]
    [InlineData("Name", "throw", "FaultyModule is refused: its Name throws (out of order).")]
    [InlineData("Name", "mute", "FaultyModule is refused: its Name throws (MuteException, without a message).")]
    [InlineData("Name", "nothing", "FaultyModule is refused: its Name is null.")]
    [InlineData("Name", "core", "FaultyModule is refused: its Name is \"anon\", which is memory without a module.")]
    [InlineData("Name", "long", "FaultyModule is refused: its Name has 65 characters, and at most 64 are taken.")]
    [InlineData("Ops", "throw", "FaultyModule is refused: its Ops throws (out of order).")]
    [InlineData("PageShift", "throw", "FaultyModule is refused: its PageShift throws (out of order).")]
    [InlineData("Features", "silent", "FaultyModule is refused: its Features throws (SilentException, without a message).")]
    [InlineData("Ioctls", "throw", "FaultyModule is refused: its Ioctls throws (out of order).")]
    public async Task A_module_that_fails_while_it_is_loaded_is_one_line_in_every_command(string member, string how, string says)
    {
        string config = Faulty(member, how);
        await RefusedAsync(says, ["backends", "--config", config]);
        await RefusedAsync(says, ["postcopy", "--config", config, "--backend", "faulty"]);
        await RefusedAsync(
            says, ["conform", "--module", typeof(FaultyModule).Assembly.Location, "--type", typeof(FaultyModule).FullName!, "--set",
                $"faulty.at={member}", "--set", $"faulty.how={how}"]);
    }

    /// <summary>A member is third-party code at each reading: it is read once, and what it said then is what holds.</summary>
    [Theory]
    [InlineData("Name", "later")]
    [InlineData("Ops", "later")]
    [InlineData("PageShift", "later")]
    [InlineData("Features", "later")]
    [InlineData("Ioctls", "later")]
    public async Task A_member_that_would_throw_when_it_is_read_again_is_not(string member, string how)
    {
        string config = Faulty(member, how);
        (await CommandRun.Of("backends", "--config", config)).EndsWith(ExitCode.Done);
        (await CommandRun.Of(
            "conform", "--module", typeof(FaultyModule).Assembly.Location, "--type", typeof(FaultyModule).FullName!, "--set",
            $"faulty.at={member}", "--set", $"faulty.how={how}")).EndsWith(ExitCode.Done);
        (await CommandRun.Of(
            "postcopy", "--config", config, "--backend", "faulty", "--mode", "minor", "--memory", "1M", "--accesses", "1000"))
            .EndsWith(ExitCode.Done);
    }

    [Theory]
    [InlineData("missing", "making a folio", "StrangeModule")]
    [InlineData("missing", "making a folio", "EmptyHandedModule")]
    [InlineData("minor", "looking a folio up", "StrangeModule")]
    public async Task A_module_that_gives_a_folio_which_there_is_not_ends_its_migration_with_one_line(
        string mode, string doing, string type)
    {
        string config =
            _place.Write("uffd.conf", $"uffd.modules = [\"UffdActors.Cli.Tests.{type}, {typeof(StrangeModule).Assembly.Location}\"]\n");
        CommandRun run = await CommandRun.Of(
            "postcopy", "--config", config, "--backend", "strange", "--mode", mode, "--memory", "1M", "--accesses", "1000");
        run.EndsWith(ExitCode.Failed);
        string line = Assert.Single(run.Error.TrimEnd().Split('\n'), l => l.StartsWith("uffd: ", StringComparison.Ordinal));
        Assert.Matches($"Module \"strange\" gave (no folio|folio 60000000, which there is not), while {doing}; the call ends", line);
    }

    [Fact]
    public Task A_type_that_cannot_be_initialized_is_told_by_what_it_threw() => RefusedAsync(
        "BrokenTypeModule is refused: its Name throws (out of order).",
        ["conform", "--module", typeof(BrokenTypeModule).Assembly.Location, "--type", typeof(BrokenTypeModule).FullName!]);

    [Theory]
    [InlineData(
        "CheckMapping", "missing",
        "Module \"faulty\" threw InvalidOperationException while checking a mapping (out of order); the call ends with EIO.")]
    [InlineData(
        "CheckProtection", "missing",
        "Module \"faulty\" threw InvalidOperationException while checking a protection (out of order); the call ends with EIO.")]
    [InlineData("CreateFile", "missing", "Module \"faulty\" cannot make a file of 4096 bytes: out of order")]
    [InlineData(
        "Fault", "minor",
        "Module \"faulty\" threw InvalidOperationException while serving an ordinary fault (out of order); the call ends with EIO.")]
    public Task A_module_that_fails_before_a_guest_runs_is_named(string member, string mode, string says) =>
        RefusedAsync(
            says, ["postcopy", "--config", Faulty(member, "throw"), "--backend", "faulty", "--mode", mode, "--memory", "1M", "--accesses",
                "1000"]);

    [Theory]
    [InlineData("fault-loop", "GetFolio", "minor", "looking a folio up")]
    [InlineData("parallel", "GetFolio", "minor", "looking a folio up")]
    [InlineData("stepped", "GetFolio", "minor", "looking a folio up")]
    [InlineData("fault-loop", "Copy", "missing", "making a folio")]
    [InlineData("stepped", "Copy", "missing", "making a folio")]
    public async Task A_module_that_fails_under_a_guest_ends_its_migration_with_one_line(
        string dispatcher, string member, string mode, string says)
    {
        CommandRun run = await CommandRun.Of(
            "postcopy", "--config", Faulty(member, "throw"), "--backend", "faulty", "--mode", mode, "--memory", "1M", "--accesses", "1000",
            "--dispatcher", dispatcher);
        run.EndsWith(ExitCode.Failed);
        string line = Assert.Single(run.Error.TrimEnd().Split('\n'), l => l.StartsWith("uffd: ", StringComparison.Ordinal));
        Assert.Equal(
            $"uffd: The migration cannot go on. Module \"faulty\" threw InvalidOperationException while {says} (out of order); the call "
                + $"ends with EIO.", line);
    }

    [Theory]
    [InlineData("missing")]
    [InlineData("minor")]
    public async Task A_module_without_what_a_migration_needs_is_refused_before_it(string mode)
    {
        string config =
            _place.Write("uffd.conf", $"uffd.modules = [\"UffdActors.Cli.Tests.PlainModule, {typeof(PlainModule).Assembly.Location}\"]\n");
        await RefusedAsync(
            "plain", ["postcopy", "--config", config, "--backend", "plain", "--mode", mode, "--memory", "1M", "--accesses", "1000"]);
    }

    private string Faulty(string member, string how) => _place.Write(
        "uffd.conf",
        $"uffd.modules = [\"shmem\", \"UffdActors.Cli.Tests.FaultyModule, {typeof(FaultyModule).Assembly.Location}\"]\nuffd.module.faulty "
            + $"{{ at = \"{member}\", how = \"{how}\" }}\n");

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
