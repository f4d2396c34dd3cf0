using System.Diagnostics;

namespace UffdActors.Bench;

/// <summary>One vCPU's work: reads every page of its part of the memory once, so every access is a demand fault.</summary>
internal sealed class FirstTouch : IWorkload
{
    private readonly long _first;
    private readonly long _end;
    private long _next;

    public FirstTouch(long firstPage, long pages)
    {
        _first = _next = firstPage;
        _end = firstPage + pages;
    }

    /// <summary>Time stamp of the first access; 0 before it.</summary>
    public long Began { get; private set; }

    /// <summary>Time stamp at which the last access had ended; 0 before it.</summary>
    public long Ended { get; private set; }

    /// <summary>Cuts a memory into one part for each vCPU.</summary>
    public static FirstTouch[] Share(long pages, int vcpus)
    {
        var shares = new FirstTouch[vcpus];
        for (int i = 0; i < vcpus; i++)
        {
            long first = pages * i / vcpus;
            shares[i] = new FirstTouch(first, (pages * (i + 1) / vcpus) - first);
        }

        return shares;
    }

    /// <summary>The same work further on in the memory.</summary>
    public FirstTouch Behind(long page) => new(_first + page, _end - _first);

    /// <inheritdoc />
    public void Reset() => (_next, Began, Ended) = (_first, 0, 0);

    /// <inheritdoc />
    public bool TryNext(out GuestStep step)
    {
        if (_next == _end)
        {
            Ended = Stopwatch.GetTimestamp();
            step = default;
            return false;
        }

        if (Began == 0) Began = Stopwatch.GetTimestamp();
        step = new GuestStep(0, _next++, false);
        return true;
    }
}
