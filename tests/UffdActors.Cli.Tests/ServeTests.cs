using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using UffdActors.Cli.Hosting;
using UffdActors.Serve.Tests;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Cli.Tests;

/// <summary><c>uffd serve</c> as a process, with VMMs in C.</summary>
public sealed class ServeTests(VmmPrograms programs) : IClassFixture<VmmPrograms>, IDisposable
{
    private const int Pages = 256;
    private static readonly TimeSpan Hang = TimeSpan.FromMinutes(2);
    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    [SkippableTheory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    public async Task A_signal_ends_it_and_says_what_becomes_of_the_guest_that_is_there(string signal, int code)
    {
        VmmPrograms.Require();
        (string memory, string socket) = Files();
        using Process serve = Start("--socket", socket, "--memory", memory);
        try
        {
            Assert.Contains("a guest that cannot be served on is left asleep", await LineAsync(serve), StringComparison.Ordinal);
            string bytes = (Pages * 4096).ToString(CultureInfo.InvariantCulture);
            await using (VmmProcess first = new(programs.Of("firecracker-1.16"), socket, bytes, "1"))
            {
                Assert.Contains(
                    $"session 1: process {first.Id}, firecracker, 2 regions of 1 MiB", await LineAsync(serve), StringComparison.Ordinal);
                _ = await first.EndAsync();
            }

            Assert.StartsWith("session 1: the VMM has ended after ", await LineAsync(serve), StringComparison.Ordinal);
            await using VmmProcess second = new(programs.Of("firecracker-1.16"), socket, bytes, "1", "waits");
            Assert.StartsWith($"session 2: process {second.Id}", await LineAsync(serve), StringComparison.Ordinal);
            using (Process kill = Process.Start("kill", ["-" + signal, serve.Id.ToString(CultureInfo.InvariantCulture)]))
                await kill.WaitForExitAsync();
            Assert.Equal(
                $"session 2: process {second.Id} is left, its guest asleep when it touches a page that is absent",
                await ErrorLineAsync(serve));
            await serve.WaitForExitAsync().WaitAsync(Hang);
            Assert.Equal(code, serve.ExitCode);
            Assert.True(second.IsAlive);
            Assert.False(File.Exists(socket));
        }
        finally
        {
            if (!serve.HasExited) serve.Kill();
        }
    }

    [SkippableFact]
    public async Task What_cannot_be_served_is_refused_in_a_line()
    {
        ThisKernel.Require();
        (string memory, string socket) = Files();
        string empty = _place.Write("empty", "");
        using Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        string live = _place.Path("live");
        listener.Bind(new UnixDomainSocketEndPoint(live));
        listener.Listen();
        foreach ((string[] arguments, string sentence) in new (string[], string)[]
        {
            (["--socket", socket, "--memory", _place.Path("none")], "cannot be served: there is no such file."),
            (["--socket", socket, "--memory", empty], "cannot be served: it is empty."),
            (["--socket", socket, "--memory", "/dev/null"], "cannot be served: it is a character device, not a regular file."),
            (["--socket", new string('x', 108), "--memory", memory], "has 108 bytes; the kernel takes 107 at most"),
            (["--socket", live, "--memory", memory], "another process listens there"),
            (["--socket", memory, "--memory", memory], "there is a file that is no socket"),
            (["--socket", socket, "--memory", memory, "--diff", _place.Path("none")], "cannot be served: there is no such file."),
            (["--socket", socket, "--memory", memory, "--diff", empty], "cannot be served: it is empty."),
            (["--socket", socket, "--memory", memory, "--working-set", empty], "\"uffd working set 1\" is expected"),
            (["--socket", socket, "--memory", memory, "--socket-mode", "rw"], "--socket-mode rw: not a mode that lets anybody connect"),
        })
        {
            CommandRun run = await CommandRun.Of(["serve", .. arguments]);
            run.EndsWith(ExitCode.BadInput);
            Assert.Contains(sentence, run.Error, StringComparison.Ordinal);
            Assert.Equal(1, run.Error.Count(c => c == '\n'));
            Assert.Empty(run.Output);
        }
    }

    [SkippableFact]
    public async Task It_ends_by_itself_after_as_many_sessions_as_it_was_told()
    {
        VmmPrograms.Require();
        (string memory, string socket) = Files();
        Task<CommandRun> serve = CommandRun.Of("serve", "--socket", socket, "--memory", memory, "--sessions", "1", "--json", "-");
        Assert.True(SpinWait.SpinUntil(() => File.Exists(socket), Hang));
        await using VmmProcess vmm = new(
            programs.Of("cloud-hypervisor"), socket, (Pages * 4096).ToString(CultureInfo.InvariantCulture), "2");
        _ = await vmm.EndAsync();
        CommandRun run = await serve.WaitAsync(Hang);
        run.EndsWith(ExitCode.Done);
        DocumentRules.Hold(run.Output, "uffd-serve");
        JsonElement session = JsonDocument.Parse(run.Output).RootElement.GetProperty("sessions")[0];
        Assert.Equal("vmm-ended", session.GetProperty("end").GetString());
        Assert.Equal(Pages * 3 / 4, session.GetProperty("contentPages").GetInt32());
        Assert.Equal(0, session.GetProperty("absentPages").GetInt32());
        Assert.Contains("1 session ended", run.Error, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Diffs_cache_and_working_set_are_in_the_document()
    {
        VmmPrograms.Require();
        (string memory, string socket) = Files();
        string diff = _place.Path("diff");
        // Nothing of the memory file shows through.
        SnapshotFile.Write(diff, Pages);
        SnapshotFile.Write(memory, Pages, page => page % 16 is >= 8 and < 12 ? PageKind.Hole : PageKind.Wrong);
        string set = _place.Path("set");
        Task<CommandRun> serve = CommandRun.Of(
            "serve", "--socket", socket, "--memory", memory, "--diff", diff, "--cache", "16M", "--working-set", set,
            "--record-working-set", set, "--sessions", "2", "--json", "-");
        Assert.True(SpinWait.SpinUntil(() => File.Exists(socket), Hang));
        for (int i = 0; i < 2; i++)
        {
            await using VmmProcess vmm = new(
                programs.Of("firecracker-1.16"), socket, (Pages * 4096).ToString(CultureInfo.InvariantCulture), "2");
            _ = await vmm.EndAsync();
            // It is written when the session has ended.
            Assert.True(SpinWait.SpinUntil(() => File.Exists(set), Hang));
        }

        CommandRun run = await serve.WaitAsync(Hang);
        run.EndsWith(ExitCode.Done);
        DocumentRules.Hold(run.Output, "uffd-serve");
        JsonElement document = JsonDocument.Parse(run.Output).RootElement;
        Assert.Equal(diff, document.GetProperty("diffs")[0].GetString());
        Assert.Equal(Pages * 4096 * 3 / 4, document.GetProperty("storedBytes").GetInt32());
        Assert.Equal(Pages / 64, document.GetProperty("cache").GetProperty("fetches").GetInt32());
        JsonElement[] sets = [.. document.GetProperty("sessions").EnumerateArray().Select(s => s.GetProperty("workingSet"))];
        Assert.Equal(Pages, sets[0].GetProperty("recorded").GetInt32());
        Assert.Equal(Pages, sets[1].GetProperty("pages").GetInt32());
        Assert.Equal(Pages, sets[1].GetProperty("fetched").GetInt32() + sets[1].GetProperty("late").GetInt32());
        Assert.Contains("hit rate", run.Error, StringComparison.Ordinal);
        Assert.Contains("cache: ", run.Error, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_daemon_is_told_what_to_do_is_killed_and_goes_on_with_its_guests()
    {
        VmmPrograms.Require();
        (string memory, string socket) = Files();
        string control = _place.Path("run/control");
        string config = _place.Write("daemon.conf", $"serve {{ control = {control}, state = {_place.Path("run/state")} }}");
        Process serve = Start("--config", config);
        try
        {
            Assert.StartsWith("serving 0 sessions, 0 guests of an earlier process; ", await LineAsync(serve), StringComparison.Ordinal);
            CommandRun created = await CommandRun.Of(
                "serve", "create", "a", "--control", control, "--socket", socket, "--memory", memory, "--on-failure", "kill");
            created.EndsWith(ExitCode.Done);
            Assert.StartsWith($"session a: {memory} at {socket}, 0 guests", created.Output, StringComparison.Ordinal);
            string bytes = (Pages * 4096).ToString(CultureInfo.InvariantCulture);
            await using VmmProcess vmm = new(programs.Of("firecracker-1.16"), socket, bytes, "1", "waits");
            Assert.StartsWith($"session a, guest 1: process {vmm.Id}, firecracker", await LineAsync(serve), StringComparison.Ordinal);

            serve.Kill();
            await serve.WaitForExitAsync().WaitAsync(Hang);
            serve.Dispose();
            serve = Start("--config", config);
            string[] lines = [await LineAsync(serve), await LineAsync(serve)];
            Assert.Contains(lines, l => l.StartsWith("serving 1 session, 1 guest of an earlier process; ", StringComparison.Ordinal));
            Assert.Contains(lines, l => l.Contains("; taken back after ", StringComparison.Ordinal));

            CommandRun status = await CommandRun.Of("serve", "status", "--control", control, "--json", "-");
            DocumentRules.Hold(status.Output, "uffd-serve-status");
            Assert.Equal(1, JsonDocument.Parse(status.Output).RootElement.GetProperty("takenBack").GetInt32());
            CommandRun list = await CommandRun.Of("serve", "list", "--figures", "--control", control, "--json", "-");
            DocumentRules.Hold(list.Output, "uffd-serve-list");
            Assert.Contains($"guest 1: process {vmm.Id}, serving, taken back", list.Error, StringComparison.Ordinal);
            CommandRun refused = await CommandRun.Of("serve", "close", "a", "--control", control);
            refused.EndsWith(ExitCode.BadInput);
            Assert.Contains("drain it first", refused.Error, StringComparison.Ordinal);
            CommandRun drained = await CommandRun.Of("serve", "drain", "a", "--control", control);
            drained.EndsWith(ExitCode.Done);
            Assert.StartsWith("released, with all pages: 1 guest", drained.Output, StringComparison.Ordinal);
            Assert.StartsWith("session a, guest 1: the guest of process", await LineAsync(serve), StringComparison.Ordinal);
            (await CommandRun.Of("serve", "close", "a", "--control", control)).EndsWith(ExitCode.Done);
            await vmm.GoOnAsync();
            Assert.Contains("verified", await vmm.EndAsync(), StringComparison.Ordinal);

            using (Process kill = Process.Start("kill", ["-TERM", serve.Id.ToString(CultureInfo.InvariantCulture)]))
                await kill.WaitForExitAsync();
            await serve.WaitForExitAsync().WaitAsync(Hang);
            Assert.Equal(ExitCode.Done, serve.ExitCode);
            CommandRun gone = await CommandRun.Of("serve", "status", "--control", control);
            gone.EndsWith(ExitCode.BadInput);
            Assert.Contains("no daemon listens there", gone.Error, StringComparison.Ordinal);
        }
        finally
        {
            if (!serve.HasExited) serve.Kill();
            serve.Dispose();
        }
    }

    /// <summary>
    /// A service manager takes any other exit code for a failure; guests are left to the next daemon, however this one ends.
    /// </summary>
    [SkippableFact]
    public async Task A_daemon_that_cannot_end_in_time_has_ended_all_the_same()
    {
        ThisKernel.Require();
        string control = _place.Path("run/control");
        string config = _place.Write("daemon.conf", $"serve {{ control = {control}, state = {_place.Path("run/state")} }}");
        string pipe = _place.Path("pipe");
        using (Process make = Process.Start("mkfifo", [pipe])) await make.WaitForExitAsync();
        // Full (pipe(7)): the daemon does not come past the first line that it says.
        await using FileStream full = new(pipe, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        full.Write(new byte[65536]);
        string program = Path.Combine(AppContext.BaseDirectory, "uffd");
        ProcessStartInfo start = new("sh", ["-c", $"exec '{program}' serve --config '{config}' > '{pipe}'"])
        {
            RedirectStandardError = true,
        };
        using Process serve = Process.Start(start)!;
        try
        {
            Assert.True(SpinWait.SpinUntil(() => File.Exists(control), Hang));
            using (Process kill = Process.Start("kill", ["-TERM", serve.Id.ToString(CultureInfo.InvariantCulture)]))
                await kill.WaitForExitAsync();
            Assert.Empty(await serve.StandardError.ReadToEndAsync().WaitAsync(Hang));
            await serve.WaitForExitAsync().WaitAsync(Hang);
            Assert.Equal(ExitCode.Done, serve.ExitCode);
        }
        finally
        {
            if (!serve.HasExited) serve.Kill();
        }
    }

    [SkippableFact]
    public async Task A_service_manager_that_is_not_there_is_told_of_and_counts_for_nothing()
    {
        VmmPrograms.Require();
        string control = _place.Path("run/control");
        string config = _place.Write("daemon.conf", $"serve {{ control = {control}, state = {_place.Path("run/state")} }}");
        using Process serve = StartWith([$"NOTIFY_SOCKET={_place.Path("nowhere")}", "FDSTORE=16"], "--config", config);
        try
        {
            _ = await LineAsync(serve);
            string? told = await serve.StandardError.ReadLineAsync().WaitAsync(Hang);
            Assert.StartsWith($"uffd: NOTIFY_SOCKET \"{_place.Path("nowhere")}\" cannot be connected to", told, StringComparison.Ordinal);
            // Else a guest whose VMM has closed its own descriptor would be taken for one that outlives the daemon.
            CommandRun status = await CommandRun.Of("serve", "status", "--control", control, "--json", "-");
            Assert.False(JsonDocument.Parse(status.Output).RootElement.GetProperty("keepsDescriptors").GetBoolean());
        }
        finally
        {
            serve.Kill();
            await serve.WaitForExitAsync().WaitAsync(Hang);
        }
    }

    private (string Memory, string Socket) Files()
    {
        SnapshotFile.Write(_place.Path("memory"), Pages);
        return (_place.Path("memory"), _place.Path("socket"));
    }

    private static Process Start(params string[] arguments) => StartWith([], arguments);

    private static Process StartWith(string[] environment, params string[] arguments)
    {
        // A shell that runs the tests in the background makes its children ignore SIGINT; a user's shell does not.
        ProcessStartInfo start = new(
            "env", ["--default-signal=INT", .. environment, Path.Combine(AppContext.BaseDirectory, "uffd"), "serve", .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return Process.Start(start)!;
    }

    private static async Task<string> ErrorLineAsync(Process process)
    {
        // Notes come before, of the folder's permissions for one.
        string? line;
        do line = await process.StandardError.ReadLineAsync().WaitAsync(Hang);
        while (line?.StartsWith("session", StringComparison.Ordinal) == false);
        return line ?? "nothing";
    }

    private static async Task<string> LineAsync(Process process) =>
        await process.StandardOutput.ReadLineAsync().WaitAsync(Hang) ?? await process.StandardError.ReadToEndAsync();
}
