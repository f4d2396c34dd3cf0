using UffdActors.Abi;
using UffdActors.Cli.Hosting;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Cli.Tests;

/// <summary>Under a seccomp filter: what cannot be done is one line that names the call, and never a stack trace or a hang.</summary>
public sealed class FilteredTests : IDisposable
{
    private static readonly Dictionary<string, int[]> CallsOf = new()
    {
        ["eventfd"] = [Filtered.Eventfd, Filtered.Eventfd2],
        ["epoll_create1"] = [Filtered.EpollCreate, Filtered.EpollCreate1],
        ["epoll_ctl"] = [Filtered.EpollCtl],
        ["epoll_wait"] = [Filtered.EpollWait, Filtered.EpollPwait],
        ["poll"] = [Filtered.Poll],
        ["ppoll"] = [Filtered.Ppoll],
    };

    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    /// <summary>Each filter with each command that needs what it refuses.</summary>
    public static TheoryData<string, string> Refused
    {
        get
        {
            TheoryData<string, string> cases = [];
            string[] live =
            [
                "postcopy --world live --memory 1M --accesses 500", "bench faults --world live --pages 64 --repeats 1",
                "bench events --world live --events 10",
                "stress --world live --rounds 1",
            ];
            string[] withChildren =
            [
                "postcopy --world live --memory 1M --accesses 500 --watchdog 5", "conform --live --programs 1", "record --count 1 --out",
                "bench faults --processes 2 --pages 64 --repeats 1",
            ];
            // Each filter and each command comes; all pairs, a process each, with UFFD_LONG only.
            bool isLong = Environment.GetEnvironmentVariable("UFFD_LONG") is not null;
            int number = 0;
            foreach (string filter in CallsOf.Keys)
            {
                string[] commands = filter.StartsWith("epoll", StringComparison.Ordinal) ? withChildren : [.. live, .. withChildren];
                foreach (string command in commands)
                {
                    if (isLong || number++ % 2 == 0) cases.Add(filter, command);
                }

                // The other half of the commands for the next filter.
                number++;
            }

            return cases;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Refused))]
    public async Task A_call_that_is_refused_is_one_line_that_names_it(string filter, string command)
    {
        ThisKernel.Require();
        string[] last = command.EndsWith("--out", StringComparison.Ordinal) ? [_place.Path("traces")] : [];

        CommandRun run = await Filtered.RunAsync(CallsOf[filter], [.. command.Split(' '), .. last]);

        run.EndsWith(ExitCode.Unsupported);
        string line = Assert.Single(run.Error.Split('\n'), l => l.StartsWith("uffd:", StringComparison.Ordinal));
        Assert.StartsWith($"uffd: {filter} is refused (EPERM)", line, StringComparison.Ordinal);
        Assert.DoesNotContain("\n   at ", run.Error, StringComparison.Ordinal);
    }

    /// <summary>Calls that fill, which nobody asks for beforehand.</summary>
    [SkippableTheory]
    [InlineData("UFFDIO_COPY", UffdioCommand.Copy, "postcopy --world live --memory 1M --accesses 500")]
    [InlineData("UFFDIO_ZEROPAGE", UffdioCommand.ZeroPage, "postcopy --world live --memory 1M --accesses 500")]
    [InlineData(
        "UFFDIO_CONTINUE", UffdioCommand.Continue, "postcopy --world live --memory 1M --accesses 500 --backend shmem --mode minor")]
    [InlineData("UFFDIO_WAKE", UffdioCommand.Wake, "stress --world live --rounds 1 --seed 3")]
    public async Task A_call_that_is_denied_in_the_middle_of_a_run_is_told_with_its_cause(string name, uint request, string command)
    {
        ThisKernel.Require();

        CommandRun run = await Filtered.RunAsync([], [request], command.Split(' '));

        Assert.True(run.ExitCode is ExitCode.Failed or ExitCode.Unsupported, $"{run.ExitCode}: {run.Error}");
        string line = Assert.Single(run.Error.Split('\n'), l => l.StartsWith("uffd:", StringComparison.Ordinal));
        Assert.Contains(name, line, StringComparison.Ordinal);
        Assert.Contains("a seccomp filter or a security module (LSM)", line, StringComparison.Ordinal);
    }

    public static TheoryData<string> Filters => [.. CallsOf.Keys];

    [SkippableTheory]
    [MemberData(nameof(Filters))]
    public async Task The_doctor_answers_all_the_same(string filter)
    {
        CommandRun run = await Filtered.RunAsync(CallsOf[filter], "doctor");
        Assert.True(run.ExitCode is ExitCode.Done or ExitCode.Unsupported, run.Error);
        Assert.Empty(run.Error);
        Assert.Contains("seccomp", run.Output, StringComparison.OrdinalIgnoreCase);
    }

    [SkippableTheory]
    [InlineData("conform --live --programs 2 --steps 10")]
    [InlineData("record --count 1 --steps 10 --out")]
    [InlineData("postcopy --world live --memory 1M --accesses 500")]
    public async Task Where_the_system_call_is_refused_the_device_is_used(string command)
    {
        ThisKernel.Require();
        Skip.IfNot(File.Exists("/dev/userfaultfd"), "There is no /dev/userfaultfd here.");
        string[] last = command.EndsWith("--out", StringComparison.Ordinal) ? [_place.Path("traces")] : [];

        CommandRun run = await Filtered.RunAsync([Filtered.UserfaultfdCall], [.. command.Split(' '), .. last]);

        run.EndsWith(ExitCode.Done);
    }
}
