using System.Text.Json;
using UffdActors.Cli.Commands;
using UffdActors.Cli.Hosting;
using UffdActors.Model;

namespace UffdActors.Cli.Tests;

public class ModuleConformanceTests
{
    private static readonly string Here = typeof(RightModule).Assembly.Location;

    public static TheoryData<string, string> Hooks()
    {
        TheoryData<string, string> rows = [];
        foreach (string member in new[] { "Fault", "CheckMapping", "CheckProtection", "OnMapped", "GetFolio", "Copy" })
        {
            rows.Add(member, "seed");
            rows.Add(member, "linux-7.1");
        }

        return rows;
    }

    [Theory]
    [InlineData(typeof(RightModule))]
    [InlineData(typeof(FilledModule))]
    [InlineData(typeof(HalfFilledModule))]
    public async Task A_right_module_passes(Type module)
    {
        CommandRun run = await CommandRun.Of("conform", "--module", Here, "--type", module.FullName!);
        Assert.True(run.ExitCode == ExitCode.Done, run.Output + run.Error);
        Assert.DoesNotContain("FAILS", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(typeof(AllocatingModule), "3", "has allocated a page of zeros")]
    [InlineData(typeof(LeakingModule), "4", "folios are in use where 1 should be")]
    [InlineData(typeof(RefusingModule), "2a", "ZEROPAGE is advertised and gives EINVAL (with mode 0)")]
    [InlineData(typeof(SoiledModule), "7", "a read of a hole makes a page whose byte 0 is 0x01; zeros are due")]
    [InlineData(typeof(ContradictingModule), "C8", "MISSING and COPY go together")]
    [InlineData(typeof(ThrowingModule), "2a", "threw InvalidOperationException while looking a folio up (out of order)")]
    [InlineData(typeof(StrangeModule), "2a", "gave folio 60000000, which there is not, while")]
    [InlineData(typeof(PlainModule), "C9", "it has no operations table")]
    public async Task A_wrong_module_fails_the_check_that_it_breaks(Type module, string check, string example)
    {
        CommandRun run = await CommandRun.Of("conform", "--module", Here, "--type", module.FullName!);

        run.EndsWith(ExitCode.Failed);
        Assert.Contains($"({check}) FAILS", run.Output, StringComparison.Ordinal);
        Assert.Contains(example, run.Output, StringComparison.Ordinal);
    }

    /// <summary>A folio that there is not is no bug of the command, under either table; a hook's is not even given back.</summary>
    [Theory]
    [InlineData("seed")]
    [InlineData("linux-7.1")]
    public async Task A_module_that_gives_folios_which_there_are_not_is_checked_to_the_end(string profile)
    {
        CommandRun run =
            await CommandRun.Of("conform", "--module", Here, "--type", typeof(StrangeModule).FullName!, "--profile", profile);
        Assert.True(run.ExitCode is ExitCode.Done or ExitCode.Failed, run.Error);
        Assert.Empty(run.Error);
    }

    [Theory]
    [InlineData("CreateFile", "throw", "cannot make a file of 32768 bytes: out of order")]
    [InlineData("CreateFile", "nothing", "its CreateFile gives null")]
    public async Task A_module_of_which_nothing_can_be_made_is_one_line(string member, string how, string says)
    {
        CommandRun run = await CommandRun.Of(
            "conform", "--module", Here, "--type", typeof(FaultyModule).FullName!, "--set", $"faulty.at={member}", "--set",
            $"faulty.how={how}");
        run.EndsWith(ExitCode.BadInput);
        Assert.Contains(says, Assert.Single(run.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    /// <summary>
    /// Under either table: what REGISTER reports beyond a table is a fault of the design, and hid hooks that throw.
    /// </summary>
    [Theory]
    [MemberData(nameof(Hooks))]
    public async Task A_module_of_which_a_hook_throws_fails_and_is_checked_to_the_end(string member, string profile)
    {
        CommandRun run = await FaultyAsync(member, "throw", profile);
        run.EndsWith(ExitCode.Failed);
        Assert.Empty(run.Error);
        Assert.Contains("FAILS", run.Output, StringComparison.Ordinal);
        Assert.Contains("threw InvalidOperationException", run.Output, StringComparison.Ordinal);
    }

    /// <summary>Most checks pass over what a module refuses: one that refuses everything does not pass for that.</summary>
    [Theory]
    [InlineData("CheckMapping", "EPERM", "seed", "shared: mmap gives EPERM")]
    [InlineData("CheckMapping", "EPERM", "linux-7.1", "shared: mmap gives EPERM")]
    [InlineData("Fault", "EFAULT", "seed", "an ordinary read of page 0 ends with SigBus")]
    [InlineData("Fault", "EFAULT", "linux-7.1", "an ordinary read of page 0 ends with SigBus")]
    [InlineData("GetFolio", "ENOENT", "linux-7.1", "CONTINUE is offered and gives EFAULT")]
    [InlineData("Copy", "ENOMEM", "linux-7.1", "COPY is offered and gives ENOMEM (with mode 0)")]
    public async Task A_module_that_refuses_what_it_offers_fails(string member, string error, string profile, string example)
    {
        CommandRun run = await FaultyAsync(member, error, profile);
        run.EndsWith(ExitCode.Failed);
        Assert.Contains("(C9) FAILS", run.Output, StringComparison.Ordinal);
        Assert.Contains(example, run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("seed")]
    [InlineData("linux-7.1")]
    public async Task A_module_that_asks_for_the_same_folio_to_be_filled_without_end_fails(string profile)
    {
        CommandRun run = await FaultyAsync("Copy", "again", profile);
        run.EndsWith(ExitCode.Failed);
        Assert.Contains("FAILS", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_module_that_does_not_come_back_from_a_check_is_named()
    {
        using StringWriter output = new();
        Terminal terminal = new(output, output, isInteractive: false);
        TimeoutException thrown = Assert.Throws<TimeoutException>(() => ModuleConformance.Run(
            terminal, Here, typeof(FaultyModule).FullName!, ["faulty.at=Copy", "faulty.how=block"], KernelProfile.Seed, json: null,
            TimeSpan.FromMilliseconds(100)));
        Assert.Equal("Module \"faulty\" has not returned for 0.1 s: its code blocks, or goes on for ever.", thrown.Message);
    }

    [Theory]
    [InlineData("bidi", "its Name, \"ab?cd\", has characters that a line does not show")]
    [InlineData("escape", "its Name, \"ab?[31mcd??\", has characters that a line does not show")]
    public async Task A_name_that_would_turn_or_colour_a_line_is_refused_and_shown_without_that(string how, string says)
    {
        CommandRun run = await FaultyAsync("Name", how, "seed");
        run.EndsWith(ExitCode.BadInput);
        Assert.Contains(says, Assert.Single(run.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_setting_that_a_module_cannot_take_is_refused_and_not_lost()
    {
        CommandRun run = await CommandRun.Of("conform", "--module", Here, "--type", typeof(RightModule).FullName!, "--set", "rom.file=/x");
        run.EndsWith(ExitCode.BadInput);
        Assert.Contains("\"rom.file\" would be lost", run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
    }

    [Theory]
    [InlineData("seed")]
    [InlineData("linux-7.1")]
    public async Task The_sample_module_passes_under_both_kernels_that_have_a_table(string profile)
    {
        string firmware = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            await File.WriteAllBytesAsync(firmware, new byte[3 * 4096]);
            string rom = Path.Combine(AppContext.BaseDirectory, "UffdActors.SampleRom.dll");
            CommandRun run =
                await CommandRun.Of("conform", "--module", rom, "--set", $"rom.file={firmware}", "--profile", profile, "--json", "-");
            Assert.True(run.ExitCode == ExitCode.Done, run.Output + run.Error);
            using JsonDocument json = JsonDocument.Parse(run.Output);
            Assert.Equal("rom", json.RootElement.GetProperty("results")[0].GetProperty("module").GetString());
        }
        finally
        {
            File.Delete(firmware);
        }
    }

    [Theory]
    [InlineData("there is no such file", "--module", "/nowhere.dll")]
    [InlineData("name one with --type", "--module", "HERE")]
    [InlineData("has no type \"Nobody\"", "--module", "HERE", "--type", "Nobody")]
    [InlineData("set uffd.module.rom.file", "--module", "ROM")]
    [InlineData("write KEY=VALUE", "--module", "ROM", "--set", "rom.file")]
    [InlineData("has no table for modules", "--module", "HERE", "--type", "UffdActors.Cli.Tests.RightModule", "--profile", "linux-6.18")]
    public async Task What_cannot_be_loaded_is_one_line(string expected, params string[] args)
    {
        string rom = Path.Combine(AppContext.BaseDirectory, "UffdActors.SampleRom.dll");
        CommandRun run = await CommandRun.Of(["conform", .. args.Select(a => a == "HERE" ? Here : a == "ROM" ? rom : a)]);

        run.EndsWith(ExitCode.BadInput);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_design_study_says_what_fails_and_on_what_example()
    {
        CommandRun run = await CommandRun.Of("designs", "--rounds", "0");
        run.EndsWith(ExitCode.Done);
        Assert.Contains("guest-memfd under A: CONTINUE through the backend's fault handler", run.Output, StringComparison.Ordinal);
        Assert.Contains("CONTINUE over a hole gives 0 and has allocated", run.Output, StringComparison.Ordinal);
        Assert.Contains("to write  4: Features, Ioctls, GetFolio, userfault check", run.Output, StringComparison.Ordinal);
    }

    private static Task<CommandRun> FaultyAsync(string member, string how, string profile) => CommandRun.Of(
        "conform", "--module", Here, "--type", typeof(FaultyModule).FullName!, "--set", $"faulty.at={member}", "--set", $"faulty.how={how}",
        "--profile", profile);
}
