using System.Diagnostics;

namespace UffdActors.Benchmarks.Serving;

/// <summary>A VMM that runs, and measures how its guest is served.</summary>
internal sealed class MeasuredGuest : IAsyncDisposable
{
    private readonly Process _process;

    public MeasuredGuest(string program, IReadOnlyList<string> arguments) => _process = Process.Start(
        new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })!;

    /// <summary>The next line that it says.</summary>
    public async Task<string> LineAsync() => await _process.StandardOutput.ReadLineAsync()
        ?? throw new InvalidOperationException("A VMM has ended before it was told to.");

    /// <summary>Has it do the next thing, and takes the line that it says then.</summary>
    public async Task<string> AskAsync()
    {
        await _process.StandardInput.WriteLineAsync("go on");
        await _process.StandardInput.FlushAsync();
        return await LineAsync();
    }

    /// <summary>Waits until it is handed over, and has it do the first thing.</summary>
    public async Task<string> BeginAsync()
    {
        string first = await LineAsync();
        return first == "handed over" ? await AskAsync() : throw new InvalidOperationException($"A VMM cannot begin: {first}");
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
