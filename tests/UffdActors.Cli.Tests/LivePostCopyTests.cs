using System.Text.Json;
using UffdActors.Cli.Hosting;
using UffdActors.Linux.Machine;
using UffdActors.Linux.Needs;
using UffdActors.Testing;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Cli.Tests;

/// <summary><c>uffd postcopy --world live</c>: what it says of its times, and how it refuses.</summary>
[Collection(HugePageCollection.Name)]
public sealed class LivePostCopyTests(HugePages pool)
{
    private static readonly string[] Small = ["postcopy", "--memory", "1M", "--accesses", "500", "--vcpus", "2"];

    [SkippableFact]
    public async Task The_report_names_this_kernel_and_the_placement_and_does_not_speak_of_a_model()
    {
        ThisKernel.Require();
        CommandRun run = await CommandRun.Of([.. Small, "--world", "live"]);
        run.EndsWith(ExitCode.Done);
        Assert.Contains(
            $"Real page faults on Linux {MachineReport.Read().Kernel.Release}; fault loop on any CPU, vCPUs on any CPU.", run.Output,
            StringComparison.Ordinal);
        Assert.DoesNotContain("model", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("seed,", run.Output, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task The_document_names_this_kernel_and_no_profile()
    {
        ThisKernel.Require();
        JsonElement json = await JsonOf([.. Small, "--world", "live", "--json", "-"]);
        Assert.StartsWith("real page faults", json.GetProperty("timesAre").GetString(), StringComparison.Ordinal);
        JsonElement run = json.GetProperty("run");
        Assert.Equal("live", run.GetProperty("world").GetString());
        Assert.Equal(MachineReport.Read().Kernel.Release, run.GetProperty("kernel").GetString());
        Assert.Equal(JsonValueKind.Null, run.GetProperty("profile").ValueKind);
    }

    [SkippableFact]
    public async Task A_cpu_from_the_configuration_holds_for_the_loop_and_the_vcpus()
    {
        ThisKernel.Require();
        int cpu = MachineReport.Read().Cpus.Allowed[0];
        string config = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(config, $"uffd.fault-loop.cpu = {cpu}");
            JsonElement run = (await JsonOf([.. Small, "--world", "live", "--config", config, "--json", "-"])).GetProperty("run");
            Assert.Equal(cpu, run.GetProperty("loopCpu").GetInt32());
            Assert.Equal(cpu, run.GetProperty("vcpuCpu").GetInt32());
        }
        finally
        {
            File.Delete(config);
        }
    }

    [Fact]
    public async Task In_the_model_times_are_mechanism_times_of_the_profile()
    {
        JsonElement json = await JsonOf([.. Small, "--world", "model", "--profile", "linux-6.18", "--json", "-"]);
        Assert.StartsWith("mechanism times of a model", json.GetProperty("timesAre").GetString(), StringComparison.Ordinal);
        JsonElement run = json.GetProperty("run");
        Assert.Equal("model", run.GetProperty("world").GetString());
        Assert.Equal("linux-6.18", run.GetProperty("profile").GetString());
        Assert.Equal("linux-6.18", run.GetProperty("kernel").GetString());
    }

    [Fact]
    public async Task The_configured_kernel_is_the_models_and_the_option_wins_over_it()
    {
        string config = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(config, "uffd.kernel.profile = linux-7.1");
            Assert.Equal(
                "linux-7.1",
                (await JsonOf([.. Small, "--config", config, "--json", "-"])).GetProperty("run").GetProperty("profile").GetString());
            Assert.Equal(
                "linux-6.18",
                (await JsonOf([.. Small, "--config", config, "--profile", "linux-6.18", "--json", "-"])).GetProperty("run")
                    .GetProperty("profile").GetString());
            CommandRun backends = await CommandRun.Of("backends", "--config", config);
            Assert.StartsWith("Kernel profile linux-7.1.", backends.Output, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(config);
        }
    }

    [Theory]
    [InlineData("--profile linux-6.18 means nothing with uffd.world = live", "postcopy", "--world", "live", "--profile", "linux-6.18")]
    [InlineData("uffd backends asks the model", "backends", "--world", "live")]
    [InlineData("--watchdog watches VMs on the kernel of this machine", "postcopy", "--watchdog", "5")]
    [InlineData("--watchdog 0.01: write seconds from 0.1", "postcopy", "--world", "live", "--watchdog", "0.01")]
    [InlineData("--watchdog 5:bark: write seconds", "postcopy", "--world", "live", "--watchdog", "5:bark")]
    public async Task What_belongs_to_the_other_world_is_refused(string says, params string[] args)
    {
        CommandRun run = await CommandRun.Of(args);
        run.EndsWith(ExitCode.BadInput);
        Assert.StartsWith("uffd: " + says, Assert.Single(run.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
        Assert.Empty(run.Output);
    }

    [SkippableTheory]
    [InlineData("60")]
    [InlineData("30.5:kill")]
    public async Task A_watched_run_that_is_well_is_as_any_other(string watchdog)
    {
        ThisKernel.Require();
        CommandRun run = await CommandRun.Of([.. Small, "--world", "live", "--watchdog", watchdog]);
        Assert.True(run.ExitCode == ExitCode.Done, run.Error);
    }

    [SkippableTheory]
    [InlineData("missing")]
    [InlineData("minor")]
    public async Task What_this_kernels_guest_memfd_cannot_do_is_exit_3_with_the_doctors_remedy(string mode)
    {
        ThisKernel.Require();
        MachineReport machine = MachineReport.Read();
        bool Met(MachineNeed need) => machine.Findings.Single(f => f.Need == need).IsMet;
        Skip.IfNot(Met(MachineNeed.GuestMemfd), "This machine has no guest_memfd at all.");
        Skip.If(Met(MachineNeed.GuestMemfdFaults), "This kernel's guest_memfd takes every mode.");
        CommandRun run = await CommandRun.Of([.. Small, "--world", "live", "--backend", "guest-memfd", "--mode", mode]);
        run.EndsWith(ExitCode.Unsupported);
        Assert.Contains(Remedies.Of(MachineNeed.GuestMemfdFaults), run.Error, StringComparison.Ordinal);
        Assert.Empty(run.Output);
    }

    [SkippableTheory]
    [InlineData("missing")]
    [InlineData("minor")]
    public async Task Huge_pages_are_migrated_by_real_page_faults_and_counted_as_such(string mode)
    {
        pool.Require();
        JsonElement json = await JsonOf(
            "postcopy", "--world", "live", "--backend", "hugetlb", "--mode", mode, "--memory", "5M", "--accesses", "2000", "--json", "-");
        Assert.Equal(2 << 20, json.GetProperty("run").GetProperty("pageBytes").GetInt32());
        Assert.Equal(6 << 20, json.GetProperty("run").GetProperty("memoryBytes").GetInt32());
        Assert.Equal(3, json.GetProperty("checks").GetProperty("pages").GetInt32());
        Assert.Equal(3, json.GetProperty("pages").EnumerateObject().Sum(p => p.Value.GetInt64()));
        Assert.NotEqual(0, json.GetProperty("faults").GetProperty($"{mode}ByRead").GetInt32());
    }

    [SkippableFact]
    public async Task Too_few_huge_pages_are_exit_3_with_the_doctors_remedy_before_anything_is_made()
    {
        ThisKernel.Require();
        CommandRun run = await CommandRun.Of("postcopy", "--world", "live", "--backend", "hugetlb", "--memory", "4T");
        run.EndsWith(ExitCode.Unsupported);
        Assert.Contains("2097152 huge pages are needed, and ", run.Error, StringComparison.Ordinal);
        Assert.Contains(Remedies.Of(MachineNeed.HugePages), run.Error, StringComparison.Ordinal);
        Assert.Empty(run.Output);
    }

    [SkippableFact]
    public async Task What_no_kernel_can_do_stays_exit_2()
    {
        ThisKernel.Require();
        CommandRun run = await CommandRun.Of([.. Small, "--world", "live", "--mode", "minor"]);
        run.EndsWith(ExitCode.BadInput);
        Assert.Contains("EINVAL", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(MachineNeed.Userfaultfd)]
    [InlineData(MachineNeed.HugePages)]
    [InlineData(MachineNeed.GuestMemfdFaults)]
    public void A_need_of_the_machine_that_is_not_met_is_exit_3_by_its_type(MachineNeed need)
    {
        UnsupportedMachineException refusal = new(need, "Not here.");
        Assert.Equal(ExitCode.Unsupported, CommandFailures.ExitCodeOf(refusal, CancellationToken.None));
        Assert.Contains(Remedies.Of(need), CommandFailures.MessageOf(refusal), StringComparison.Ordinal);
    }

    private static async Task<JsonElement> JsonOf(params string[] args)
    {
        CommandRun run = await CommandRun.Of(args);
        run.EndsWith(ExitCode.Done);
        using JsonDocument json = JsonDocument.Parse(run.Output);
        return json.RootElement.Clone();
    }
}
