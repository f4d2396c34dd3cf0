using System.Diagnostics;
using UffdActors.Model;
using UffdActors.Model.Backends;
using UffdActors.Model.Backends.Designs;
using UffdActors.Model.Inputs;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;

namespace UffdActors.Conformance.Designs;

/// <summary>The designs that the seed's table was weighed against, each with unchanged modules (SEMANTICS 7.5).</summary>
/// <param name="Results">One for each design and module.</param>
internal sealed record DesignStudy(IReadOnlyList<DesignResult> Results)
{
    /// <summary>The designs, by letter. E, a hook for each ioctl, has no adapter: no backend was ever written for it.</summary>
    public static IReadOnlyList<(string Letter, KernelProfile Profile)> Designs { get; } =
    [
        ("A", Of("design-A", OpsShape.FaultHandler)),
        ("B", Of("design-B", OpsShape.Request)),
        ("C", Of("design-C", OpsShape.Seed)),
        ("D", Of("design-D", OpsShape.Reduced)),
        ("F", Of("design-F", OpsShape.Merged)),
    ];

    /// <summary>Runs the checks over the modules that ship.</summary>
    /// <param name="rounds">Interleaved rounds of the measurement; 0 leaves it out.</param>
    /// <param name="cancel">Ends it early.</param>
    public static DesignStudy Run(int rounds = 0, CancellationToken cancel = default)
    {
        Func<MemoryModule>[] modules = [() => new Shmem(), () => new GuestMemfd(), () => new Hugetlb()];
        List<DesignResult> results = [];
        foreach (Func<MemoryModule> module in modules)
        {
            foreach ((string letter, KernelProfile profile) in Designs)
            {
                cancel.ThrowIfCancellationRequested();
                results.Add(Check(letter, profile, module));
            }
        }

        if (rounds > 0) Measure(results, modules, rounds, cancel);
        return new DesignStudy(results);
    }

    /// <summary>Runs the checks on one module under one kernel.</summary>
    /// <param name="letter">Letter of the design for the report.</param>
    /// <param name="profile">Kernel.</param>
    /// <param name="module">Makes the module, or gives the same one again.</param>
    /// <param name="more">Checks beside those of the study.</param>
    public static DesignResult Check(string letter, KernelProfile profile, Func<MemoryModule> module, params DesignCheck[] more)
    {
        ArgumentNullException.ThrowIfNull(profile);
        ArgumentNullException.ThrowIfNull(module);
        DesignSubject subject = new(profile, module);
        RegisterModes[] shared = [.. DesignCheck.ModesOf(subject, shared: true)];
        RegisterModes all = shared.Aggregate(RegisterModes.None, (a, b) => a | b);
        return new DesignResult(
            letter,
            OpsDesign.Of(profile.Shape).Description,
            module().Facts.Name,
            shared,
            [.. module().Facts.AllowsPrivate ? DesignCheck.ModesOf(subject, shared: false) : []],
            [.. all == RegisterModes.None ? [] : DesignCheck.FillsOf(subject, shared: true, all)],
            OpsDesign.Of(profile.Shape).MembersOf(module()),
            [.. DesignCheck.All.Concat(more).Select(c => RunGuarded(c, subject))]);
    }

    private static KernelProfile Of(string name, OpsShape shape) => KernelProfile.Seed with { Name = name, Shape = shape };

    // A third party's code that throws fails the check that called it, and is never the design's fault; the others still run.
    private static CheckResult RunGuarded(DesignCheck check, DesignSubject subject)
    {
        subject.Failures.Clear();
        string? failure;
        try
        {
            failure = check.Run(subject);
        }
        catch (Exception e)
        {
            string thrown = $"the module threw {ForeignText.NameOf(e.GetType())}: {ForeignText.Of(e)}";
            return new CheckResult(check.Number, check.Rule, thrown, IsOfDesign: false);
        }

        return subject.Failures is [{ } first, ..]
            ? new CheckResult(check.Number, check.Rule, first, false)
            : new CheckResult(check.Number, check.Rule, failure, check.IsOfDesign);
    }

    private static void Measure(List<DesignResult> results, Func<MemoryModule>[] modules, int rounds, CancellationToken cancel)
    {
        var times = new List<double>[results.Count];
        for (int i = 0; i < times.Length; i++) times[i] = [];
        // One warm-up round; then the designs are interleaved, so that disturbances of the machine affect all alike.
        for (int round = 0; round <= rounds; round++)
        {
            for (int i = 0; i < results.Count; i++)
            {
                cancel.ThrowIfCancellationRequested();
                if (!results[i].SharedModes.Contains(RegisterModes.Minor)) continue;
                KernelProfile profile = Designs[i % Designs.Count].Profile;
                double nanoseconds = MinorFaults(profile, modules[i / Designs.Count]());
                if (round > 0) times[i].Add(nanoseconds);
            }
        }

        for (int i = 0; i < results.Count; i++)
        {
            if (times[i].Count == 0) continue;
            times[i].Sort();
            results[i] = results[i] with { FaultNanoseconds = times[i][times[i].Count / 2] };
        }
    }

    private static double MinorFaults(KernelProfile profile, MemoryModule module)
    {
        const int Passes = 32;
        using DesignScene scene = new(profile, module, shared: true);
        for (long page = 0; page < DesignScene.Pages; page++) _ = scene.File.EnsurePage(page);
        _ = scene.Register(RegisterModes.Minor);
        Access access = new(scene.Main);
        Fill fill = new(scene.Main);
        long ticks = 0;
        for (int pass = 0; pass < Passes; pass++)
        {
            long start = Stopwatch.GetTimestamp();
            for (long page = 0; page < DesignScene.Pages; page++)
            {
                access.Begin(scene.At(page), AccessKind.Read);
                _ = scene.Run(access);
                fill.Begin(scene.Context, FillKind.Continue, scene.At(page), scene.Page);
                _ = scene.Run(fill);
            }

            ticks += Stopwatch.GetTimestamp() - start;
            _ = scene.Run(
                new Model.Operations.Maps.AdviseMemory(
                    scene.Main, scene.At(0), scene.Page * (ulong)DesignScene.Pages, Model.Operations.Maps.Advice.DontNeed));
        }

        return ticks * (1e9 / Stopwatch.Frequency) / (Passes * DesignScene.Pages);
    }
}
