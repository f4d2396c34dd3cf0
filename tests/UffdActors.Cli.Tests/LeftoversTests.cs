using System.Diagnostics;
using System.Globalization;
using UffdActors.Cli.Hosting;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Cli.Tests;

/// <summary>Whatever ends a command that has processes, sockets or guests of its own: nothing of them is left.</summary>
public sealed class LeftoversTests(LeftoversTests.Base from) : IClassFixture<LeftoversTests.Base>, IDisposable
{
    // What takes as long as this hangs, on the slowest machine too.
    private static readonly TimeSpan Hang = TimeSpan.FromMinutes(5);
    private static readonly bool IsLong = Environment.GetEnvironmentVariable("UFFD_LONG") is not null;

    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    [SkippableTheory]
    [InlineData("migrate demo --world live", "INT", "")]
    [InlineData("migrate demo --world live", "KILL", "receive")]
    [InlineData("migrate demo --guest kvm", "TERM", "")]
    [InlineData("vmm migrate", "TERM", "")]
    [InlineData("vmm migrate", "KILL", "send")]
    public async Task A_migration_that_ends_in_its_rehearsal_leaves_nothing(string command, string signal, string end)
    {
        ThisKernel.Require();
        if (command != "migrate demo --world live") await VmmRunTests.RequireKvmAsync();
        using CancellationTokenSource hang = new(Hang);
        using Process process = Start(command.Split(' '));
        Task<string> error = process.StandardError.ReadToEndAsync(hang.Token);
        Task<string> output = process.StandardOutput.ReadToEndAsync(hang.Token);
        string[] Rehearsals() =>
            Read(() => Directory.GetDirectories(_place.Temporary, "uffd-rehearsal-*", SearchOption.AllDirectories));
        await UntilAsync(process, () => Rehearsals().Length > 0, error, hang.Token);
        string[] children = ChildrenOf(process);

        await SignalAsync(signal, end.Length == 0 ? process.Id : int.Parse(
            children.First(c => Has(c, end)), CultureInfo.InvariantCulture));
        await process.WaitForExitAsync(hang.Token);

        _ = await output;
        string line = Assert.Single((await error).Split('\n', StringSplitOptions.RemoveEmptyEntries));
        if (end.Length == 0) Assert.Equal("uffd: interrupted; nothing was verified.", line);
        else Assert.Contains("end was killed (signal 9)", line, StringComparison.Ordinal);
        Assert.Equal(end.Length > 0 ? ExitCode.Failed : signal == "INT" ? ExitCode.Interrupted : ExitCode.Terminated, process.ExitCode);
        AssertNothingIsLeft(children);
    }

    /// <summary>Commands with guests; what has to be there before the signal; the signal.</summary>
    public static TheoryData<string, string, string> Guests
    {
        get
        {
            const string Begun = ".partial";
            const string Running = "kvm-vcpu";
            TheoryData<string, string, string> all = [];
            (string Command, string Moment)[] rows =
            [
                ("vmm run --memory 64M --rounds 1000", Running),
                ("vmm snapshot FILE --memory 64M --rounds 1000", Running),
                ("serve --socket SOCKET --memory ANY", "SOCKET"),
                ("vmm run --memory 64M --rounds 1000", Begun),
                ("vmm snapshot FILE --memory 64M --rounds 1000", Begun),
                ("vmm restore BASE", Running),
                ("vmm restore BASE", Begun),
                ("vmm clone BASE 2", Running),
                ("vmm clone BASE 2", Begun),
                ("vmm snapshot FILE --parent BASE --live", Running),
                ("vmm snapshot FILE --parent BASE --after 1ms", "FILE.json"),
                ("serve --socket SOCKET --memory ANY", Begun),
            ];
            for (int i = 0; i < (IsLong ? rows.Length : 5); i++)
            {
                if (IsLong || i % 2 == 0) all.Add(rows[i].Command, rows[i].Moment, "INT");
                if (IsLong || i % 2 == 1) all.Add(rows[i].Command, rows[i].Moment, "TERM");
            }

            return all;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Guests))]
    public async Task A_signal_ends_a_command_with_guests_at_any_moment_of_it(string command, string moment, string signal)
    {
        ThisKernel.Require();
        if (!command.StartsWith("serve", StringComparison.Ordinal)) await VmmRunTests.RequireKvmAsync();
        using CancellationTokenSource hang = new(Hang);
        if (command.Contains("BASE", StringComparison.Ordinal)) await from.MakeAsync(hang.Token);
        string[] before = _place.Files;
        string Here(string word) => word switch
        {
            "BASE" => from.File,
            "ANY" => Workplace.RealFile,
            "FILE" or "SOCKET" or "FILE.json" => _place.Path(word),
            _ => word,
        };
        using Process process = Start([.. command.Split(' ').Select(Here), "--json", _place.Path("run.json")]);
        Task<string> error = process.StandardError.ReadToEndAsync(hang.Token);
        Task<string> output = process.StandardOutput.ReadToEndAsync(hang.Token);
        bool HasCome() => moment switch
        {
            ".partial" => _place.Files.Any(f => f.EndsWith(".partial", StringComparison.Ordinal)),
            "kvm-vcpu" => DescriptorsOf(process).Any(d => d.Contains("kvm-vcpu", StringComparison.Ordinal)),
            _ => File.Exists(Here(moment)),
        };
        await UntilAsync(process, HasCome, error, hang.Token);
        string[] children = ChildrenOf(process);

        await SignalAsync(signal, process.Id);
        await process.WaitForExitAsync(hang.Token);

        _ = await output;
        string[] lines = (await error).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        // It has nothing to verify, and has said what became of its guests.
        if (!command.StartsWith("serve", StringComparison.Ordinal)) Assert.Contains("uffd: interrupted; nothing was verified.", lines);
        Assert.Equal(signal == "INT" ? ExitCode.Interrupted : ExitCode.Terminated, process.ExitCode);
        AssertNothingIsLeft(children);
        // A snapshot that was complete before stays. A server that could end in order has written what it has served.
        string[] complete = moment == "FILE.json" ? ["FILE", "FILE.json"] : [];
        Assert.Equal(
            [.. before.Concat(complete).Order(StringComparer.Ordinal)], _place.Files.Where(f => moment != "SOCKET" || f != "run.json"));
    }

    private Process Start(params string[] command)
    {
        // A shell that runs the tests in the background makes its children ignore SIGINT; a user's shell does not.
        ProcessStartInfo start = new(
            "env", ["--default-signal=INT", Path.Combine(AppContext.BaseDirectory, "uffd"), .. command])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        start.Environment["TMPDIR"] = _place.Temporary;
        return Process.Start(start)!;
    }

    private void AssertNothingIsLeft(string[] children)
    {
        Assert.Empty(Directory.GetFileSystemEntries(_place.Temporary));
        Assert.DoesNotContain(_place.Files, f => f.EndsWith(".partial", StringComparison.Ordinal));
        Assert.DoesNotContain(children, c => Has(c, "uffd"));
    }

    // On a thread of its own: those of the pool may be in the middle of other tests for longer than the moment lasts.
    private static async Task UntilAsync(Process process, Func<bool> hasCome, Task<string> error, CancellationToken hang)
    {
        bool isThere = await Task.Factory.StartNew(Look, hang, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        Assert.True(isThere, isThere ? "" : $"It has ended by itself: {await error}");

        bool Look()
        {
            while (!hasCome())
            {
                if (process.HasExited) return false;
                hang.ThrowIfCancellationRequested();
                _ = Thread.Yield();
            }

            return true;
        }
    }

    private static async Task SignalAsync(string signal, int process)
    {
        using Process kill = Process.Start("kill", ["-" + signal, process.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    private static string[] ChildrenOf(Process process) => Read(() => Directory.GetDirectories($"/proc/{process.Id}/task")
        .SelectMany(t => File.ReadAllText(Path.Combine(t, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries)));

    private static string[] DescriptorsOf(Process process) => Read(() =>
        Directory.GetFileSystemEntries($"/proc/{process.Id}/fd").Select(f => new FileInfo(f).LinkTarget ?? ""));

    private static bool Has(string process, string word) =>
        Read(() => [File.ReadAllText($"/proc/{process}/cmdline")]).Any(c => c.Contains(word, StringComparison.Ordinal));

    // Threads, descriptors, processes and folders may end while they are looked at.
    private static string[] Read(Func<IEnumerable<string>> look)
    {
        try
        {
            return [.. look()];
        }
        catch (IOException)
        {
            return [];
        }
    }

    /// <summary>A snapshot of a guest that has some seconds to go.</summary>
    public sealed class Base : IDisposable
    {
        private readonly Workplace _place = new();

        public string File => _place.Path("base");

        public async Task MakeAsync(CancellationToken hang)
        {
            if (System.IO.File.Exists(File)) return;
            ProcessStartInfo start = new(
                Path.Combine(AppContext.BaseDirectory, "uffd"),
                ["vmm", "snapshot", File, "--memory", "64M", "--rounds", "40", "--after", "1%"])
            {
                RedirectStandardError = true,
                RedirectStandardOutput = true,
            };
            using Process process = Process.Start(start)!;
            Task<string> error = process.StandardError.ReadToEndAsync(hang);
            _ = await process.StandardOutput.ReadToEndAsync(hang);
            await process.WaitForExitAsync(hang);
            Assert.True(process.ExitCode == ExitCode.Done, await error);
        }

        public void Dispose() => _place.Dispose();
    }
}
