using UffdActors.Serve.Keeping;
using UffdActors.Serve.Servers;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Serve.Tests;

/// <summary>The guest that a server makes and serves before others come.</summary>
[Collection(ServeCollection.Name)]
public sealed class WarmUpTests
{
    [SkippableTheory]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public async Task It_leaves_nothing_open_and_nothing_on_disk(bool hasCache, bool isKept)
    {
        ThisKernel.Require();
        DirectoryInfo folder = Directory.CreateTempSubdirectory("uffd-warm-up-");
        try
        {
            string? state = isKept ? Path.Combine(folder.FullName, "warm-up") : null;
            await UffdRuntime.UseAsync(UffdSettings.Profile("live"), async runtime =>
            {
                await ServerWarmUp.RunAsync(runtime, hasCache, state, CancellationToken.None);
                return true;
            });
            Assert.Empty(folder.EnumerateFileSystemInfos());
            Assert.DoesNotContain(
                Open(), f => f.Contains("userfaultfd", StringComparison.Ordinal) || f.Contains("warm-up", StringComparison.Ordinal));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>A predecessor that was killed in it has left its folder.</summary>
    [SkippableFact]
    public async Task What_a_killed_one_has_left_is_cleared_away()
    {
        ThisKernel.Require();
        DirectoryInfo folder = Directory.CreateTempSubdirectory("uffd-warm-up-");
        try
        {
            string state = Path.Combine(folder.FullName, "warm-up");
            StateFolder.Open(state).Dispose();
            await File.WriteAllTextAsync(Path.Combine(state, "uffd-warm-up.1.guest.json"), "{");
            await UffdRuntime.UseAsync(UffdSettings.Profile("live"), async runtime =>
            {
                await ServerWarmUp.RunAsync(runtime, hasCache: false, state, CancellationToken.None);
                return true;
            });
            Assert.Empty(folder.EnumerateFileSystemInfos());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [SkippableFact]
    public async Task Cancelled_it_ends_and_frees_what_it_has()
    {
        ThisKernel.Require();
        using CancellationTokenSource stop = new();
        await UffdRuntime.UseAsync(UffdSettings.Profile("live"), async runtime =>
        {
            Task running = ServerWarmUp.RunAsync(runtime, hasCache: true, state: null, stop.Token);
            await stop.CancelAsync();
            _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running.WaitAsync(ServeScene.Deadline));
            return true;
        });
        Assert.DoesNotContain(Open(), f => f.Contains("warm-up", StringComparison.Ordinal));
    }

    private static IEnumerable<string> Open() =>
        Directory.EnumerateFileSystemEntries("/proc/self/fd").Select(f => new FileInfo(f).LinkTarget ?? "");
}
