using System.Collections.Concurrent;

namespace UffdActors.PostCopy.Tests.Migration;

/// <summary>
/// Whole migrations over a wire that is not what either end has sent. A wire without TLS is not protected against forged frames, so who
/// runs the guest afterwards is not asked here; but no end crashes or hangs, and none calls a guest verified that is not.
/// </summary>
public sealed class ConnectionFuzzTests
{
    private const int AtOnce = 8;
    private const int LinesShown = 20;
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(1);

    [Theory]
    [InlineData(1, false)]
    [InlineData(1001, true)]
    public async Task No_end_crashes_hangs_or_is_deceived(int firstSeed, bool copiesFirst)
    {
        const int Seeds = 24;
        int[] counts = new int[(int)Wrong.Flood + 1];
        int ended = 0;
        ParallelOptions some = new() { MaxDegreeOfParallelism = AtOnce };
        await Parallel.ForAsync(firstSeed, firstSeed + Seeds, some, async (seed, cancel) =>
        {
            (IReadOnlyList<Wrong> done, bool hasEnded) = await RunAsync(seed, copiesFirst);
            foreach (Wrong wrong in done) _ = Interlocked.Increment(ref counts[(int)wrong]);
            if (hasEnded) _ = Interlocked.Increment(ref ended);
        });
        // Each kind of wrongness has been met, and some migrations have come to their end all the same.
        Assert.All(Enum.GetValues<Wrong>().Skip(1), wrong => Assert.True(counts[(int)wrong] > 0, $"{wrong} never happened"));
        Assert.InRange(ended, Seeds / 8, Seeds);
    }

    private static async Task<(IReadOnlyList<Wrong> Done, bool HasEnded)> RunAsync(int seed, bool copiesFirst)
    {
        using TwoEnds ends = new();
        using ManglingProxy proxy = new(ends.Proxy, ends.Destination, (ulong)seed);
        using CancellationTokenSource stop = new();
        Watch watch = new();
        Task<(MigrationSourceReport Source, MigrationDestinationReport Destination, string? Error)> moving = ends.MoveAsync(
            throughProxy: true, channels: 2, preCopy: copiesFirst ? new PreCopyOptions { Rounds = 1 } : null,
            peerTimeout: TimeSpan.FromSeconds(1), tell: watch.Hear, stop: stop.Token);
        try
        {
            if (await Task.WhenAny(moving, proxy.Quiet, watch.DestinationIsAlone).WaitAsync(Deadline) != moving) await stop.CancelAsync();
            (MigrationSourceReport source, MigrationDestinationReport destination, string? error) = await moving.WaitAsync(Deadline);
            bool isVerified = destination.IsVerified && source.ActualHash is not null && source.ActualHash == source.ExpectedHash;
            Assert.True(!isVerified || error is null, $"seed {seed}: verified, but {error}");
            return (proxy.Done, true);
        }
        catch (Exception e) when (e is MigrationException or OperationCanceledException)
        {
            return (proxy.Done, false);
        }
        catch (Exception e)
        {
            string last = string.Join(Environment.NewLine, watch.Told.TakeLast(LinesShown));
            throw new InvalidOperationException(
                $"Seed {seed}, {string.Join(", ", proxy.Done)}: {e.GetType().Name}, {e.Message}{Environment.NewLine}{last}", e);
        }
    }

    /// <summary>Hears what both ends tell.</summary>
    private sealed class Watch
    {
        private readonly TaskCompletionSource _alone = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly Lock _gate = new();
        private bool _isLinked;
        private bool _hasEnded;

        public ConcurrentQueue<string> Told { get; } = new();

        /// <summary>Ends when the destination waits for a source that has ended: an operator would have to end it.</summary>
        public Task DestinationIsAlone => _alone.Task;

        public void Hear(string what)
        {
            Told.Enqueue(what);
            lock (_gate)
            {
                _hasEnded |= what == TwoEnds.SourceHasEnded;
                if (what.StartsWith("destination: a source has connected", StringComparison.Ordinal)) _isLinked = true;
                if (what.StartsWith("destination: the link is lost", StringComparison.Ordinal)) _isLinked = false;
                if (_hasEnded && !_isLinked) _ = _alone.TrySetResult();
            }
        }
    }
}
