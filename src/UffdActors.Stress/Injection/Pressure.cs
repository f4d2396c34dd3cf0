namespace UffdActors.Stress.Injection;

/// <summary>Load that delays everything else: busy threads, and garbage collections one after the other.</summary>
internal sealed class Pressure : IDisposable
{
    private static readonly TimeSpan BetweenCollections = TimeSpan.FromMilliseconds(1);

    private readonly ManualResetEventSlim _stop = new();
    private readonly Thread[] _threads;

    public Pressure(int load, bool collect)
    {
        List<Thread> threads =
            [.. Enumerable.Range(0, load).Select(i => new Thread(Burn) { IsBackground = true, Name = $"stress-load-{i}" })];
        if (collect) threads.Add(new Thread(Collect) { IsBackground = true, Name = "stress-collect" });
        _threads = [.. threads];
        foreach (Thread thread in _threads) thread.Start();
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _stop.Set();
        foreach (Thread thread in _threads) thread.Join();
        _stop.Dispose();
    }

    private void Burn()
    {
        ulong state = 1;
        while (!_stop.IsSet)
        {
            for (int i = 0; i < 4096; i++) state = (state * 6364136223846793005) + 1442695040888963407;
        }

        GC.KeepAlive(state);
    }

    private void Collect()
    {
        for (int i = 0; !_stop.Wait(BetweenCollections); i++) GC.Collect(i % (GC.MaxGeneration + 1));
    }
}
