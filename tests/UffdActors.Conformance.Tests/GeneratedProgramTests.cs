using UffdActors.Actors;
using UffdActors.Conformance.Generation;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;
using UffdActors.Dispatch.Stepping;
using UffdActors.Model;

namespace UffdActors.Conformance.Tests;

/// <summary>Generated programs over the full interface.</summary>
public class GeneratedProgramTests
{
    private const int Programs = 10_000;
    private const int ProgramsInAnyOrder = 500;

    [Fact]
    public void Actors_do_what_the_sequential_kernel_does()
    {
        Counterexample?[] found = OnThreads.Run(2, thread =>
        {
            using SteppedSystem system = new();
            return ProgramSearch.Find(
                (ulong)(thread * Programs / 2), Programs / 2, machine => new SteppedKernel(system, machine, new PriorityPolicy()));
        });
        Assert.All(found, counterexample => Assert.True(counterexample is null, counterexample?.ToString()));
    }

    [Fact]
    public void Actors_in_random_order_show_what_some_order_of_their_threads_gives()
    {
        int[] races = OnThreads.Run(2, thread =>
        {
            using SteppedSystem system = new();
            int raced = 0;
            for (int i = thread; i < ProgramsInAnyOrder; i += 2)
            {
                Trace trace = ProgramGenerator.Generate(new Choices((ulong)i));
                OrderLog log = new(new RandomPolicy((ulong)i));
                using ModelExecutor model = new(trace.Header, KernelProfile.Linux618, machine => new SteppedKernel(system, machine, log));
                using AnyOrderReplay replay = new(trace, KernelProfile.Linux618, model, log);
                Differ differ = new($"program {i}");
                replay.Run(differ, new KernelInvariants());
                Assert.Empty(differ.Mismatches);
                raced += replay.Races;
            }

            return raced;
        });
        Assert.All(races, count => Assert.True(count > 0, "No step set several threads going."));
    }

    [Fact]
    public void A_kernel_with_a_mistake_in_its_order_is_found_and_the_program_shrinks_to_what_is_needed()
    {
        Counterexample? found = ProgramSearch.Find(0, 2_000, _ => new LastComeFirstKernel());
        Assert.NotNull(found);
        // Two threads asleep at one context, one call that wakes both, and what it takes to get there and away.
        Assert.InRange(found.Program.Steps.Count, 1, 16);
        Assert.Equal(2, found.Program.Steps.Count(s => s.Expected.Wait is not null));
    }

    [Fact]
    public void A_kernel_that_throws_is_a_finding()
    {
        Counterexample? found = ProgramSearch.Find(0, 1, _ => throw new InvalidOperationException("no kernel"));
        Assert.NotNull(found);
        Assert.Contains("no kernel", found.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_choices_make_the_same_program()
    {
        Choices drawn = new(7);
        Trace first = ProgramGenerator.Generate(drawn);
        Trace again = ProgramGenerator.Generate(new Choices(drawn.Values));
        Assert.Equal(TraceWriter.ToText(first), TraceWriter.ToText(again));
    }

    [Fact]
    public void Any_piece_of_a_stream_makes_a_program()
    {
        Choices drawn = new(8);
        _ = ProgramGenerator.Generate(drawn);
        for (int cut = 0; cut < drawn.Values.Count; cut += 5)
        {
            Trace trace = ProgramGenerator.Generate(new Choices(drawn.Values.Skip(cut)));
            Assert.Equal(ProgramOp.Final, trace.Steps[^1].Step.Op);
        }
    }

    [Fact]
    public void Programs_have_calls_of_every_kind_that_fail_half_way()
    {
        HashSet<ProgramOp> halfway = [];
        for (ulong seed = 0; seed < 1_500; seed++)
        {
            IEnumerable<TraceStep> steps =
                ProgramGenerator.Generate(new Choices(seed), new GeneratorSettings { Class = ProgramClass.Maps }).Steps;
            halfway.UnionWith(steps.Where(s => s.Expected is { Return: -1, Vmas: not null }).Select(s => s.Step.Op));
        }

        Assert.Superset(
            new HashSet<ProgramOp> { ProgramOp.Mmap, ProgramOp.Munmap, ProgramOp.Mprotect, ProgramOp.Mremap, ProgramOp.Madvise,
                ProgramOp.Unregister }, halfway);
    }

    /// <summary>What such a call must wake, and what not, is seen only where somebody sleeps on both sides of where it ends.</summary>
    [Fact]
    public void Programs_have_calls_that_end_half_way_over_threads_that_sleep()
    {
        Dictionary<ProgramOp, int> halfway = [];
        int cleared = 0;
        for (ulong seed = 0; seed < 1_500; seed++)
        {
            foreach (TraceStep step in ProgramGenerator.Generate(
                new Choices(seed), new GeneratorSettings { Class = ProgramClass.Partial }).Steps)
            {
                if (step.Expected.Finished is not { } woken) continue;
                if (step.Step.Op == ProgramOp.Writeprotect && step.Step.Word == 0 && woken.Count > 1) cleared++;
                if (long.TryParse(step.Expected.Out, out long done) && done > 0 && done < (long)step.Step.Length)
                    halfway[step.Step.Op] = halfway.GetValueOrDefault(step.Step.Op) + 1;
            }
        }

        Assert.All(
            [(ProgramOp.Copy, 10), (ProgramOp.Zeropage, 10), (ProgramOp.Move, 8), (ProgramOp.Continue, 4)],
            ((ProgramOp Op, int Least) floor) =>
                Assert.True(halfway.GetValueOrDefault(floor.Op) >= floor.Least, $"{floor.Op}: {halfway.GetValueOrDefault(floor.Op)}"));
        Assert.True(cleared >= 10, $"{cleared}");
    }

    [Fact]
    public void Programs_use_every_operation_and_reach_every_kind_of_sleep()
    {
        HashSet<ProgramOp> operations = [];
        HashSet<string?> waits = [];
        for (ulong seed = 0; seed < 300; seed++)
        {
            foreach (TraceStep step in ProgramGenerator.Generate(new Choices(seed)).Steps)
            {
                _ = operations.Add(step.Step.Op);
                _ = waits.Add(step.Expected.Wait);
            }
        }

        Assert.Equal(Enum.GetValues<ProgramOp>().Order(), operations.Order());
        Assert.Superset(new HashSet<string?> { "fault", "event", "read" }, waits);
    }
}
