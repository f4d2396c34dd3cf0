using UffdActors.Model;
using UffdActors.Stress.Guest;

namespace UffdActors.Stress.Plan;

/// <summary>What is stressed, how hard, and what is injected.</summary>
internal sealed record StressOptions
{
    /// <summary>vCPUs; 1 to 64.</summary>
    public int Vcpus { get; init; } = 8;

    /// <summary>The most handlers that share the userfaultfd; each round draws from 1 to this.</summary>
    public int Handlers { get; init; } = 4;

    /// <summary>Pages of the guest; few, so that vCPUs contend.</summary>
    public int Pages { get; init; } = 256;

    /// <summary>Memory module; null for anonymous memory.</summary>
    public string? Backend { get; init; }

    /// <summary>How faults are resolved.</summary>
    public StressMode Mode { get; init; }

    /// <summary>Write-protect pages while the guest runs, in half of the rounds, where the memory supports it.</summary>
    public bool WriteProtect { get; init; } = true;

    /// <summary>The kernel that the model is; null for the configured one (<c>uffd.kernel.profile</c>).</summary>
    public KernelProfile? Profile { get; init; }

    /// <summary>Seed of programs, rounds and injections. On real threads it does not fix their order.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>How long; a round that has begun is ended and checked.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Most rounds.</summary>
    public int MostRounds { get; init; } = int.MaxValue;

    /// <summary>Visits that all vCPUs together make in a lap; 0 for four a page.</summary>
    public int VisitsPerLap { get; init; }

    /// <summary>An access that takes longer has hung.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Threads that do nothing but keep CPUs busy.</summary>
    public int LoadThreads { get; init; }

    /// <summary>Collect garbage all the time.</summary>
    public bool ForceCollections { get; init; }

    /// <summary>Share of faults whose page a racing resolver is sent to, so that fills get EEXIST.</summary>
    public double EexistRate { get; init; } = 0.2;

    /// <summary>Share of the disturbances of a round with events that are events beside the guest, so that fills get EAGAIN.</summary>
    public double EagainRate { get; init; } = 0.5;

    /// <summary>Share of the disturbances that page a few pages out (MADV_PAGEOUT). Does nothing where there is no swap.</summary>
    public double PageOutRate { get; init; } = 0.25;

    /// <summary>Chance that a handler crashes at a point that it passes.</summary>
    public double CrashRate { get; init; } = 0.002;

    /// <summary>Share of the source's answers that come late, twice, or as a failure first.</summary>
    public double SourceFaultRate { get; init; } = 0.05;

    /// <summary>Puts something between the ring and the page source, for tests of the oracles.</summary>
    internal Func<IPageSource, ShadowPages, IPageSource>? WrapSource { get; init; }

    /// <summary>The visits of a lap.</summary>
    internal int LapVisits => VisitsPerLap > 0 ? VisitsPerLap : 4 * Pages;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="StressException">One is out of its range.</exception>
    public void Validate()
    {
        Within(Vcpus, 1, PageLayout.MaxVcpus, "vCPUs");
        Within(Handlers, 1, 64, "handlers");
        Within(Pages, 2, 1 << 20, "pages");
        Within(LoadThreads, 0, 1024, "load threads");
        Within(VisitsPerLap, 0, int.MaxValue, "visits a lap");
        Within(MostRounds, 1, int.MaxValue, "rounds");
        if (!Enum.IsDefined(Mode))
            throw new StressException($"There is no mode {Mode}; use {nameof(StressMode.Missing)} or {nameof(StressMode.Minor)}.");
        if (Duration <= TimeSpan.Zero)
            throw new StressException($"A duration of {Duration} stresses nothing; use a time longer than none.");
        if (Deadline <= TimeSpan.Zero) throw new StressException($"No access ends within {Deadline}; use a deadline longer than none.");
        (double Share, string Name)[] shares =
        [
            (EexistRate, nameof(EexistRate)), (EagainRate, nameof(EagainRate)), (PageOutRate, nameof(PageOutRate)),
            (CrashRate, nameof(CrashRate)), (SourceFaultRate, nameof(SourceFaultRate)),
        ];
        foreach ((double share, string name) in shares)
        {
            if (share is not (>= 0 and <= 1)) throw new StressException($"{name} is a share; {share} is not within 0 and 1.");
        }

        if (Mode == StressMode.Minor && Backend is null)
            throw new StressException("Anonymous memory has no minor faults; use a backend with a page cache, as shmem.");
    }

    private static void Within(int value, int least, int most, string what)
    {
        if (value < least || value > most) throw new StressException($"{value} {what} cannot be stressed; use {least} to {most}.");
    }
}
