using System.Diagnostics;
using UffdActors.Conformance.Generation;
using UffdActors.Conformance.Shrinking;

namespace UffdActors.Recorder.Comparison;

/// <summary>Compares generated programs until one differs, and shrinks that one.</summary>
/// <param name="live">Where programs are executed.</param>
/// <param name="conditions">The machine.</param>
/// <param name="options">Which programs.</param>
internal sealed class LiveRun(LiveComparison live, LiveConditions conditions, LiveRunOptions options)
{
    private GeneratorSettings Settings => new() { Steps = options.Steps, Class = options.Class, Profile = conditions.Profile };

    /// <summary>Runs.</summary>
    /// <param name="progress">Called with the number of finished programs.</param>
    /// <param name="cancel">Ends the run between two programs.</param>
    public ComparisonReport Run(Action<int>? progress, CancellationToken cancel)
    {
        Stopwatch watch = Stopwatch.StartNew();
        for (int i = 0; i < options.Programs; i++)
        {
            cancel.ThrowIfCancellationRequested();
            ulong seed = options.Seed + (ulong)i;
            Choices choices = new(seed);
            if (live.Compare(ProgramGenerator.Generate(choices, Settings)) is { } difference)
                return Report(watch, new FoundDifference(seed, Shrink(choices, difference, cancel)));
            progress?.Invoke(i + 1);
        }

        return Report(watch, null);
    }

    private LiveDifference Shrink(Choices choices, LiveDifference best, CancellationToken cancel)
    {
        _ = Shrinker.ShrinkChoices(choices.Values, candidate =>
        {
            cancel.ThrowIfCancellationRequested();
            if (live.Compare(ProgramGenerator.Generate(new Choices(candidate), Settings)) is not { } smaller) return false;
            // A smaller program that differs in something else is another finding.
            if (!smaller.IsLike(best)) return false;
            best = smaller;
            return true;
        }, attempts: options.ShrinkAttempts);
        return best;
    }

    private ComparisonReport Report(Stopwatch watch, FoundDifference? found) => new()
    {
        Kernel = conditions.Release,
        Profile = conditions.Profile.Name,
        FaultAroundBytes = conditions.FaultAroundBytes,
        HugePages = conditions.HugePages,
        Seed = options.Seed,
        Programs = live.Programs,
        Steps = live.Steps,
        Fields = live.Fields,
        Seconds = watch.Elapsed.TotalSeconds,
        Found = found,
    };
}
