namespace UffdActors.Testing.Guests;

/// <summary>A given sequence of accesses.</summary>
internal sealed class Steps(params GuestStep[] steps) : IWorkload
{
    private int _next;

    public static Steps Reads(params long[] pages) => new([.. pages.Select(p => new GuestStep(0, p, IsWrite: false))]);

    public static Steps Writes(params long[] pages) => new([.. pages.Select(p => new GuestStep(0, p, IsWrite: true))]);

    public static Steps Random(int seed, int pages, int accesses)
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
