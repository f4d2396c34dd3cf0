using System.Diagnostics;

namespace UffdActors.Serve.Tests;

/// <summary>A VMM that runs.</summary>
internal sealed class VmmProcess : IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);

    private readonly Process _process;
    private bool _isDisposed;

    public VmmProcess(string program, params IReadOnlyList<string> arguments) => _process = Process.Start(
        new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })!;

    public int Id => _process.Id;

    /// <summary>The next line that it says; null when it has ended.</summary>
    public async Task<string?> LineAsync() => await _process.StandardOutput.ReadLineAsync().WaitAsync(Deadline);

    /// <summary>What it waits for.</summary>
    public async Task GoOnAsync()
    {
        await _process.StandardInput.WriteLineAsync("go on");
        await _process.StandardInput.FlushAsync();
    }

    /// <summary>Lines up to one.</summary>
    public async Task UntilAsync(string wanted)
    {
        List<string?> said = [];
        do
        {
            said.Add(await LineAsync());
            Assert.True(said[^1] is not null, string.Join('\n', said));
        }
        while (said[^1] != wanted);
    }

    /// <summary>Its end, in order.</summary>
    /// <returns>What it has said.</returns>
    public async Task<string> EndAsync()
    {
        string said = await _process.StandardOutput.ReadToEndAsync().WaitAsync(Deadline);
        await _process.WaitForExitAsync().WaitAsync(Deadline);
        Assert.True(_process.ExitCode == 0, said);
        return said;
    }

    /// <summary>Its end, by a signal.</summary>
    public async Task DeathAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(Deadline);
        // 128 and SIGKILL.
        Assert.Equal(137, _process.ExitCode);
    }

    /// <summary>Ends its input, and waits for its end.</summary>
    public async Task CloseAsync()
    {
        _process.StandardInput.Close();
        _ = await _process.StandardOutput.ReadToEndAsync().WaitAsync(Deadline);
        await DisposeAsync();
    }

    public void Kill() => _process.Kill();

    public bool IsAlive => !_process.HasExited;

    public async ValueTask DisposeAsync()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync().WaitAsync(Deadline);
        _process.Dispose();
    }
}
