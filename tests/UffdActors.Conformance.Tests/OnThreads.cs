namespace UffdActors.Conformance.Tests;

/// <summary>Threads of one's own: a stepped system belongs to the thread that made it, and a pool's thread may change.</summary>
internal static class OnThreads
{
    public static T[] Run<T>(int count, Func<int, T> body)
    {
        T[] results = new T[count];
        Exception?[] failures = new Exception?[count];
        Thread[] threads = [.. Enumerable.Range(0, count).Select(i => new Thread(() =>
        {
            try
            {
                results[i] = body(i);
            }
            catch (Exception e)
            {
                failures[i] = e;
            }
        }))];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        Assert.All(failures, Assert.Null);
        return results;
    }
}
