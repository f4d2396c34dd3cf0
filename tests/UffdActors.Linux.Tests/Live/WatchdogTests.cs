using System.Diagnostics;
using System.Globalization;
using UffdActors.Linux.Live;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Live;

/// <summary>The watchdog sees what no thread of a frozen runtime can see (RING L4).</summary>
public sealed class WatchdogTests
{
    private const int KilledExitCode = 137;

    [SkippableFact]
    public async Task A_fault_whose_source_never_answers_is_named()
    {
        await using Guest guest = await Guest.StartAsync("withheld");

        string report = await guest.ReportAsync();

        Assert.Contains($"process {guest.Process.Id}, vm-0/context-", report, StringComparison.Ordinal);
        Assert.Contains($"the fault at 0x{guest.Address} (region 0, page 3) of thread ", report, StringComparison.Ordinal);
        Assert.Contains(" (vm-0-vcpu-0) is unresolved after ", report, StringComparison.Ordinal);
        Assert.Contains(" vm-0-vcpu-0 S handle_userfault", report, StringComparison.Ordinal);
        Assert.EndsWith("left alone", report, StringComparison.Ordinal);
        // The runtime is well, so it ends in order and takes the watchdog along; it has said everything.
        Assert.Equal(("disposed", ""), await guest.EndAsync());
        Assert.Equal(0, guest.Process.ExitCode);
    }

    [SkippableFact]
    public async Task A_runtime_that_is_stopped_while_a_fault_is_outstanding_is_reported()
    {
        await using Guest guest = await Guest.StartAsync("stopped");
        Signal("STOP", guest.Process.Id);

        string report = await guest.ReportAsync();

        Assert.Contains($"the fault at 0x{guest.Address} ", report, StringComparison.Ordinal);
        Assert.Matches(@"threads: .*\d+ in T ", report);
    }

    [SkippableFact]
    public async Task A_runtime_that_a_collection_has_frozen_is_reported()
    {
        await using Guest guest = await Guest.StartAsync("frozen");

        string report = await guest.ReportAsync();

        Assert.Contains($"the fault at 0x{guest.Address} (region 0, page 3) of thread ", report, StringComparison.Ordinal);
        Assert.Contains(" (forbidden) is unresolved after ", report, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_fault_that_a_frozen_runtime_has_not_even_read_is_reported()
    {
        await using Guest guest = await Guest.StartAsync("unread");

        string report = await guest.ReportAsync();

        // What its thread is doing is not sure: the collection sends it signals, and each makes it fault again.
        Assert.Contains(": 1 fault is not even read after ", report, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task By_policy_a_frozen_runtime_is_killed_and_the_watchdog_ends_with_it()
    {
        await using Guest guest = await Guest.StartAsync("frozen", "kill");

        Assert.EndsWith("; killed", await guest.ReportAsync(), StringComparison.Ordinal);
        await guest.Process.WaitForExitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal(KilledExitCode, guest.Process.ExitCode);
        // The end of standard error is the end of whoever had it: of the watchdog too.
        Assert.Equal("", await guest.Process.StandardError.ReadToEndAsync().WaitAsync(LiveScene.Deadline));
    }

    [SkippableFact]
    public async Task A_healthy_run_is_not_reported_and_the_watchdog_holds_no_userfaultfd_and_leaves_nothing()
    {
        await using Guest guest = await Guest.StartAsync("healthy");
        Assert.Contains(Descriptors(guest.Process.Id), d => d.Contains("userfaultfd", StringComparison.Ordinal));
        string[] held = Descriptors(guest.Watchdog);
        Assert.Contains(held, d => d.Contains("uffd-watchdog", StringComparison.Ordinal));
        Assert.DoesNotContain(held, d => d.Contains("userfaultfd", StringComparison.Ordinal));

        Assert.Equal(("disposed", ""), await guest.EndAsync());
        Assert.Equal(0, guest.Process.ExitCode);
        // The runtime has waited for it, so there is not even an entry.
        Assert.False(Directory.Exists($"/proc/{guest.Watchdog}"));
    }

    [SkippableFact]
    public async Task A_watchdog_that_dies_is_an_incident_and_the_next_vm_has_another_one()
    {
        ThisKernel.Require();
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        VmOptions options = new() { MemoryPages = 1, Watchdog = new WatchdogOptions(TimeSpan.FromMinutes(5)) };
        await using UffdVm vm = await runtime.CreateVmAsync(options);
        int first = ((LiveKernel)vm.Kernel).Watchdog!.Id;
        Signal("KILL", first);

        Incident lost = await vm.Incidents.ReadOtherAsync();
        await using UffdVm next = await runtime.CreateVmAsync(options);

        Assert.Equal(IncidentKind.WatchdogLost, lost.Kind);
        Assert.Contains($"process {first}", lost.Message, StringComparison.Ordinal);
        Assert.NotEqual(first, ((LiveKernel)next.Kernel).Watchdog!.Id);
    }

    private static string[] Descriptors(int process) =>
        [.. Directory.GetFileSystemEntries($"/proc/{process}/fd").Select(d => new FileInfo(d).LinkTarget ?? "")];

    private static void Signal(string name, int process)
    {
        using Process kill = Process.Start("kill", [$"-{name}", process.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    /// <summary>A runtime in a process of its own, which has come to the point of its test.</summary>
    private sealed class Guest : IAsyncDisposable
    {
        private Guest(Process process, string[] said)
        {
            Process = process;
            Watchdog = int.Parse(said[0], CultureInfo.InvariantCulture);
            Address = said[1];
        }

        public Process Process { get; }

        public int Watchdog { get; }

        public string Address { get; }

        public static async Task<Guest> StartAsync(string kind, string policy = "report")
        {
            ThisKernel.Require();
            ProcessStartInfo start = Program.AsChild("watched", kind, policy);
            start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
            Process process = Process.Start(start)!;
            string? said = await process.StandardOutput.ReadLineAsync().WaitAsync(LiveScene.Deadline);
            return new Guest(process, (said ?? await process.StandardError.ReadToEndAsync()).Split(' '));
        }

        public async Task<string> ReportAsync() =>
            await Process.StandardError.ReadLineAsync().WaitAsync(LiveScene.Deadline) ?? "nothing";

        public async Task<(string Output, string Error)> EndAsync()
        {
            await Process.StandardInput.WriteLineAsync();
            string output = await Process.StandardOutput.ReadToEndAsync().WaitAsync(LiveScene.Deadline);
            string error = await Process.StandardError.ReadToEndAsync().WaitAsync(LiveScene.Deadline);
            await Process.WaitForExitAsync().WaitAsync(LiveScene.Deadline);
            return (output.Trim(), error);
        }

        public async ValueTask DisposeAsync()
        {
            if (!Process.HasExited) Process.Kill();
            await Process.WaitForExitAsync();
            Process.Dispose();
        }
    }
}
