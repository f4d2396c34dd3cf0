using System.Text.Json;
using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Tests;

public class ModuleConformanceTests
{
    private static readonly string Here = typeof(RightModule).Assembly.Location;

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
    [InlineData(typeof(RefusingModule), "2a", "ZEROPAGE is advertised and gives EINVAL")]
    [InlineData(typeof(SoiledModule), "7", "a read of a hole makes a page whose byte 0 is 0x01; zeros are due")]
    [InlineData(typeof(ContradictingModule), "C8", "MISSING and COPY go together")]
    [InlineData(typeof(ThrowingModule), "2a", "CONTINUE is advertised and gives EIO")]
    [InlineData(typeof(StrangeModule), "2a", "is advertised and gives EIO")]
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

    [Theory]
    [InlineData("Fault")]
    [InlineData("CheckMapping")]
    [InlineData("CheckProtection")]
    [InlineData("OnMapped")]
    [InlineData("Copy")]
    public async Task A_module_of_which_a_member_throws_is_checked_to_the_end(string member)
    {
        CommandRun run = await CommandRun.Of(
            "conform", "--module", Here, "--type", typeof(FaultyModule).FullName!, "--set", $"faulty.at={member}", "--set",
            "faulty.how=throw");
        Assert.True(run.ExitCode is ExitCode.Done or ExitCode.Failed, run.Error);
        Assert.Empty(run.Error);
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
}
