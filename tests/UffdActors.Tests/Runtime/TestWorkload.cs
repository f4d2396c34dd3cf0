namespace UffdActors.Tests.Runtime;

/// <summary>A given sequence of accesses.</summary>
internal sealed class TestWorkload(params GuestStep[] steps) : IWorkload
{
    private int _next;

    public static TestWorkload Reads(params long[] pages) => new([.. pages.Select(p => new GuestStep(0, p, IsWrite: false))]);

    public static TestWorkload Writes(params long[] pages) => new([.. pages.Select(p => new GuestStep(0, p, IsWrite: true))]);

    public static TestWorkload Random(int seed, int pages, int accesses)
    {
        System.Random random = new(seed);
        return new([.. Enumerable.Range(0, accesses).Select(_ => new GuestStep(0, random.Next(pages), random.Next(3) == 0))]);
    }

    public void Reset() => _next = 0;

    public bool TryNext(out GuestStep step)
    {
        step = _next < steps.Length ? steps[_next] : default;
        return _next++ < steps.Length;
    }
}
