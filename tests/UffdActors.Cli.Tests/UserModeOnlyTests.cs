using System.Diagnostics;
using UffdActors.Cli.Hosting;
using UffdActors.Linux.Machine;
using UffdActors.Linux.Needs;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Cli.Tests;

/// <summary>The command run by somebody who may open a userfaultfd for faults of user mode only.</summary>
public sealed class UserModeOnlyTests
{
    private const string Nobody = "65534";
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(5);

    [SkippableTheory]
    [InlineData("postcopy", "--world", "live", "--memory", "1M", "--accesses", "500")]
    [InlineData("bench", "faults", "--world", "live", "--vcpus", "1", "--pages", "64", "--repeats", "1")]
    public async Task What_works_with_faults_of_user_mode_alone_says_so_once(params string[] args)
    {
        (int code, string error) = await RunAsync(args);
        Assert.True(code == ExitCode.Done, error);
        string notice = Assert.Single(error.Split('\n'), line => line.Contains("user-mode faults only", StringComparison.Ordinal));
        Assert.EndsWith(Remedies.Of(MachineNeed.KernelFaults), notice, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task What_needs_faults_of_system_calls_is_exit_3_with_the_doctors_remedy()
    {
        (int code, string error) = await RunAsync("conform", "--live", "--programs", "1");
        Assert.Equal(ExitCode.Unsupported, code);
        Assert.EndsWith(Remedies.Of(MachineNeed.KernelFaults), Assert.Single(error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    private static async Task<(int Code, string Error)> RunAsync(params string[] args)
    {
        ThisKernel.Require();
        Skip.IfNot(Environment.UserName == "root", "Only root can become somebody else.");
        Skip.IfNot(File.Exists("/usr/bin/setpriv"), "There is no setpriv here.");
        Skip.If(
            MachineReport.Read().Access.UnprivilegedSysctl == 1, "Here everybody may open a userfaultfd (vm.unprivileged_userfaultfd=1).");
        Skip.If(
            (await AsNobodyAsync("/usr/bin/test", "-w", "/dev/userfaultfd")).Code == 0,
            "Here everybody may open a userfaultfd (/dev/userfaultfd).");
        string program = Path.Combine(AppContext.BaseDirectory, "uffd");
        // A folder of root's own cannot be entered.
        Skip.If((await AsNobodyAsync("/usr/bin/test", "-x", program)).Code != 0, $"{program} is out of reach for others.");
        return await AsNobodyAsync(program, args);
    }

    private static async Task<(int Code, string Error)> AsNobodyAsync(string program, params string[] args)
    {
        ProcessStartInfo start = new("/usr/bin/setpriv", ["--reuid", Nobody, "--regid", Nobody, "--clear-groups", program, .. args])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string error = await process.StandardError.ReadToEndAsync().WaitAsync(Deadline);
        _ = await output.WaitAsync(Deadline);
        await process.WaitForExitAsync().WaitAsync(Deadline);
        return (process.ExitCode, error);
    }
}
