using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace UffdActors.Bench.Live;

/// <summary>
/// A compiled loop in C, run as a process of its own. It takes <c>-p PAGES -v VCPUS -B MESSAGES -r 1 -b anon|shmem|minor -P same|split</c>,
/// and writes a line <c>run=0 …</c> of <c>name=value</c> with <c>faults</c>, <c>faults_per_s</c>, <c>p50_us</c>, <c>p99_us</c>,
/// <c>user_s</c> and <c>sys_s</c>.
/// </summary>
internal sealed class NativeLoop(string path)
{
    private const string Messages = "64";

    /// <summary>Runs it once.</summary>
    /// <exception cref="BenchException">It cannot be run, fails, or writes something else.</exception>
    public async Task<LiveSample> RunAsync(LiveBenchOptions options, int vcpus, CancellationToken cancel)
    {
        string backend = options.Mode == BenchMode.Minor ? "minor" : options.Backend == LiveBackend.Anon ? "anon" : "shmem";
        string placement = options.Placement == LivePlacement.Same ? "same" : "split";
        ProcessStartInfo start =
            new(path, ["-p", Text(options.Pages), "-v", Text(vcpus), "-B", Messages, "-r", "1", "-b", backend, "-P", placement])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
        using Process process = Start(start);
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(cancel);
            Task<string> error = process.StandardError.ReadToEndAsync(cancel);
            await process.WaitForExitAsync(cancel);
            if (process.ExitCode != 0)
                throw new BenchException($"The native loop \"{path}\" ended with {process.ExitCode}: {LastLine(await error)}");
            return Parse(await output);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    private Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new BenchException($"The native loop \"{path}\" cannot be run: {e.Message}. Name a compiled program.", e);
        }
    }

    private LiveSample Parse(string output)
    {
        string line = output.Split('\n').FirstOrDefault(l => l.StartsWith("run=0 ", StringComparison.Ordinal))
            ?? throw new BenchException($"The native loop \"{path}\" wrote no line \"run=0 ...\".");
        Dictionary<string, string> values = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(word => word.Split('=', 2)).Where(pair => pair.Length == 2)
            .ToDictionary(pair => pair[0], pair => pair[1].Trim(), StringComparer.Ordinal);
        double cpu = Number("user_s") + Number("sys_s");
        return new LiveSample(Number("faults_per_s"), Number("p50_us") * 1e3, Number("p99_us") * 1e3, cpu * 1e9 / Number("faults"), null);

        double Number(string name) =>
            values.TryGetValue(name, out string? text)
                && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
                ? number
                : throw new BenchException($"The native loop \"{path}\" wrote no figure {name} in \"{line.Trim()}\".");
    }

    private static string LastLine(string text) =>
        text.Split('\n', StringSplitOptions.RemoveEmptyEntries).LastOrDefault()?.Trim() ?? "it said nothing";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
