using UffdActors.Conformance.Shrinking;
using UffdActors.Explore.Choices;
using UffdActors.Explore.Policies;
using UffdActors.Explore.Runs;
using UffdActors.Explore.Scenarios;

namespace UffdActors.Explore.Campaigns;

/// <summary>
/// Makes a run that breaks an invariant smaller, while it still breaks the same one: first its scenario (actions, threads, fault points,
/// handlers; of one that was drawn, the choices that made it), then the choices of its schedule. With a smaller scenario the old choices
/// give another schedule, so others are tried too.
/// </summary>
internal sealed class RunShrinker(Explorer explorer)
{
    private const int TriesPerScenario = 60;
    private const int Attempts = 2_000;
    private const int ProgramAttempts = 300;
    private const int ShorterTries = 300;

    private readonly PolicyRandom _random = new();
    private readonly SchedulePolicy[] _policies = SchedulePolicy.Find("all")!;

    /// <summary>Shrinks a finding.</summary>
    public Finding Shrink(Finding finding)
    {
        Finding best = finding.Scenario.Program.IsEmpty ? Simplify(finding) : ShrinkProgram(finding);
        best = Shorten(best);
        IReadOnlyList<int> choices =
            Shrinker.ShrinkChoices(best.Choices, c => Try(best, best.Scenario, c) is not null, recordLength: 1, Attempts);
        return Try(best, best.Scenario, choices) ?? best;
    }

    /// <summary>
    /// Takes records out of the program and lowers its numbers: fewer steps, threads, pages, handlers, faults. The schedule is searched
    /// again each time, since its choices give another order with another program.
    /// </summary>
    private Finding ShrinkProgram(Finding best)
    {
        _ = Shrinker.ShrinkChoices(best.Scenario.Program, program =>
        {
            Scenario candidate = RandomProgram.Of(program, best.Scenario.Name);
            if (!CanStillFinish(best, candidate) || Search(best, candidate) is not { } smaller) return false;
            best = smaller;
            return true;
        }, attempts: ProgramAttempts);
        return best;
    }

    private Finding Simplify(Finding best)
    {
        bool progress = true;
        while (progress)
        {
            progress = false;
            foreach (Scenario candidate in Simpler(best.Scenario))
            {
                if (!CanStillFinish(best, candidate)) continue;
                if (Search(best, candidate) is not { } smaller) continue;
                best = smaller;
                progress = true;
                break;
            }
        }

        return best;
    }

    // Without a handler, a waiting thread depends on the threads that resolve: if these were removed, a hang is no violation.
    private static bool CanStillFinish(Finding best, Scenario candidate) =>
        best.Violation.Invariant != "finishes"
        || best.Scenario.Contexts.All(c => c.Handlers > 0)
        || Resolving(candidate) == Resolving(best.Scenario);

    // What the set-up has filled nobody waits for.
    private static int Resolving(Scenario scenario) =>
        scenario.Threads.SelectMany(t => t.Actions).Concat(scenario.Setup).Sum(a => ThreadAction.HasContext(a.Kind) ? a.Count : 0);

    /// <summary>Other orders of the same scenario may break it sooner.</summary>
    internal Finding Shorten(Finding best)
    {
        for (int i = 0; i < ShorterTries; i++)
        {
            if (Draw(best, best.Scenario, (ulong)i) is { } other && other.Steps < best.Steps) best = other;
        }

        return best;
    }

    private Finding? Search(Finding wanted, Scenario scenario)
    {
        if (Try(wanted, scenario, wanted.Choices) is { } same) return same;
        if (Try(wanted, scenario, []) is { } plain) return plain;
        for (int i = 0; i < TriesPerScenario; i++)
        {
            if (Draw(wanted, scenario, (ulong)i) is { } found) return found;
        }

        return null;
    }

    private Finding? Draw(Finding wanted, Scenario scenario, ulong seed)
    {
        SchedulePolicy policy = _policies[seed % (ulong)_policies.Length];
        _random.Begin(seed);
        policy.Begin(_random, wanted.Steps);
        return Result(
            wanted, scenario,
            explorer.Run(new RunRequest { Scenario = scenario, Policy = policy, Seed = seed, HasReference = wanted.HasReference }));
    }

    private Finding? Try(Finding wanted, Scenario scenario, IReadOnlyList<int> choices) =>
        Result(wanted, scenario,
            explorer.Run(new RunRequest { Scenario = scenario, Choices = choices, HasReference = wanted.HasReference }));

    private Finding? Result(Finding wanted, Scenario scenario, RunResult result)
    {
        if (result.Violation?.Invariant != wanted.Violation.Invariant) return null;
        return wanted with
        {
            Scenario = scenario,
            Violation = result.Violation,
            Choices = explorer.ChoicesOfLatest(),
            Hash = result.Hash.Text,
            Steps = result.Steps,
        };
    }

    private static IEnumerable<Scenario> Simpler(Scenario scenario)
    {
        for (int t = 0; t < scenario.Threads.Length; t++)
        {
            ThreadPlan thread = scenario.Threads[t];
            if (scenario.Threads.Length > 1) yield return scenario with { Threads = scenario.Threads.RemoveAt(t) };
            for (int a = 0; a < thread.Actions.Length && thread.Actions.Length > 1; a++)
                yield return scenario with { Threads = scenario.Threads.SetItem(t, thread with { Actions = thread.Actions.RemoveAt(a) }) };
        }

        for (int f = 0; f < scenario.Faults.Length; f++) yield return scenario with { Faults = scenario.Faults.RemoveAt(f) };
        for (int c = 0; c < scenario.Contexts.Length; c++)
        {
            ContextPlan context = scenario.Contexts[c];
            if (context.Push) yield return With(context with { Push = false });
            if (context.Handlers > 1) yield return With(context with { Handlers = 1 });
            if (context.SourceActor && scenario.Faults.IsEmpty) yield return With(context with { SourceActor = false });

            Scenario With(ContextPlan simpler) => scenario with { Contexts = scenario.Contexts.SetItem(c, simpler) };
        }

        for (int t = 0; t < scenario.Threads.Length; t++)
        {
            ThreadPlan thread = scenario.Threads[t];
            for (int a = 0; a < thread.Actions.Length; a++)
            {
                ThreadAction action = thread.Actions[a];
                if (action.Count > 1)
                    yield return scenario with
                    {
                        Threads = scenario.Threads.SetItem(
                            t, thread with { Actions = thread.Actions.SetItem(a, action with { Count = 1 }) }),
                    };
            }
        }

        for (int s = 0; s < scenario.Setup.Length; s++) yield return scenario with { Setup = scenario.Setup.RemoveAt(s) };
    }
}
