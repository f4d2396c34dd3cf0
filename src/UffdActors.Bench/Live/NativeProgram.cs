using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace UffdActors.Bench.Live;

/// <summary>A compiled program in C, run as a process of its own, whose figures stand in one line as <c>name=value</c>.</summary>
/// <param name="path">The program.</param>
internal sealed class NativeProgram(string path)
{
    private Dictionary<string, string> _values = [];
    private string _line = "";

    /// <summary>Runs it once.</summary>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="beginning">How the line with the figures begins.</param>
    /// <param name="cancel">Cancels it.</param>
    /// <exception cref="BenchException">It cannot be run, fails, or writes something else.</exception>
    public async Task RunAsync(IEnumerable<string> arguments, string beginning, CancellationToken cancel)
    {
        ProcessStartInfo start = new(path, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Start(start);
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(cancel);
            Task<string> error = process.StandardError.ReadToEndAsync(cancel);
            await process.WaitForExitAsync(cancel);
            if (process.ExitCode != 0)
                throw new BenchException($"The native loop \"{path}\" ended with {process.ExitCode}: {LastLine(await error)}");
            Parse(await output, beginning);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    /// <summary>A figure of the latest run.</summary>
    /// <exception cref="BenchException">It has written none of that name.</exception>
    public double Number(string name) =>
        _values.TryGetValue(name, out string? text) && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double n)
            ? n
            : throw new BenchException($"The native loop \"{path}\" wrote no figure {name} in \"{_line}\".");

    /// <summary>A number as an argument.</summary>
    public static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>What such programs call memory and mode.</summary>
    public static string BackendOf(LiveBenchOptions options) =>
        options.Mode == BenchMode.Minor ? "minor" : options.Backend == LiveBackend.Anon ? "anon" : "shmem";

    /// <summary>What such programs call the placement.</summary>
    public static string PlacementOf(LiveBenchOptions options) => options.Placement == LivePlacement.Same ? "same" : "split";

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

    private void Parse(string output, string beginning)
    {
        _line = output.Split('\n').FirstOrDefault(l => l.StartsWith(beginning, StringComparison.Ordinal))?.Trim()
            ?? throw new BenchException($"The native loop \"{path}\" wrote no line \"{beginning}...\".");
        _values = _line.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(word => word.Split('=', 2)).Where(pair => pair.Length == 2)
            .ToDictionary(pair => pair[0], pair => pair[1].Trim(), StringComparer.Ordinal);
    }

    private static string LastLine(string text) =>
        text.Split('\n', StringSplitOptions.RemoveEmptyEntries).LastOrDefault()?.Trim() ?? "it said nothing";
}
