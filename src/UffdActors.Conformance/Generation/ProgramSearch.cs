using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;
using UffdActors.Conformance.Shrinking;
using UffdActors.Model;
using UffdActors.Model.Turns;

namespace UffdActors.Conformance.Generation;

/// <summary>
/// Compares a kernel with the sequential one on generated programs, and shrinks the first program on which they differ.
/// </summary>
internal static class ProgramSearch
{
    /// <summary>Tries programs of consecutive seeds.</summary>
    /// <param name="firstSeed">First seed.</param>
    /// <param name="programs">How many.</param>
    /// <param name="makeKernel">Makes the kernel to be compared.</param>
    /// <param name="settings">How the programs are made; null for the defaults.</param>
    /// <returns>The smallest program found on which the two differ; null if they agree on all.</returns>
    public static Counterexample? Find(ulong firstSeed, int programs, Func<Machine, IKernel> makeKernel, GeneratorSettings? settings = null)
    {
        for (int i = 0; i < programs; i++)
        {
            Choices choices = new(firstSeed + (ulong)i);
            if (Check(choices, makeKernel, settings) is not null) return Shrink(choices.Values, makeKernel, settings);
        }

        return null;
    }

    /// <summary>Shrinks a stream whose program fails.</summary>
    public static Counterexample? Shrink(IReadOnlyList<int> choices, Func<Machine, IKernel> makeKernel, GeneratorSettings? settings = null)
    {
        IReadOnlyList<int> smallest =
            Shrinker.ShrinkChoices(choices, candidate => Check(new Choices(candidate), makeKernel, settings) is not null);
        return Check(new Choices(smallest), makeKernel, settings);
    }

    /// <summary>Makes one program and runs it on the other kernel.</summary>
    /// <returns>Null if both show the same.</returns>
    public static Counterexample? Check(Choices choices, Func<Machine, IKernel> makeKernel, GeneratorSettings? settings = null)
    {
        ArgumentNullException.ThrowIfNull(choices);
        settings ??= new GeneratorSettings();
        Trace program;
        try
        {
            program = ProgramGenerator.Generate(choices, settings);
        }
        catch (GenerationException e)
        {
            return new Counterexample(choices.Values, e.Program, [], e.Message);
        }

        Differ differ = new(program.Name);
        try
        {
            using ModelExecutor model = new(program.Header, settings.Profile, makeKernel);
            IReadOnlyList<Mismatch> mismatches = TraceReplay.Run(program, model, differ, new KernelInvariants());
            return mismatches.Count == 0 ? null : new Counterexample(choices.Values, program, mismatches, mismatches[0].ToString());
        }
        catch (Exception e)
        {
            // Any exception of a kernel is a finding.
            return new Counterexample(choices.Values, program, differ.Mismatches, e.ToString());
        }
    }
}
