using System.Globalization;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;
using UffdActors.Model;
using UffdActors.Model.Turns;

namespace UffdActors.Conformance.Generation;

/// <summary>
/// Makes programs over the full interface from a stream of choices. The sequential kernel executes each step as it is made, so that the
/// next one fits the state, and its results become the program's expectations: the result is a trace.
/// </summary>
internal static class ProgramGenerator
{
    /// <summary>Where things lie in a generated program: as in the recorded ones.</summary>
    public static TraceHeader Header { get; } =
        new("generated", 0, KernelProfile.Linux618.Name, 64 * 1024, 0x1000_0000_0000, 0x1000_8000_0000, 0x2000_0000_0000, 0x2000_4000_0000);

    /// <summary>Makes a program.</summary>
    /// <param name="choices">The choices.</param>
    /// <param name="settings">Settings; null for the defaults.</param>
    /// <exception cref="GenerationException">The sequential kernel failed.</exception>
    public static Trace Generate(Choices choices, GeneratorSettings? settings = null)
    {
        ArgumentNullException.ThrowIfNull(choices);
        settings ??= new GeneratorSettings();
        choices.NextRecord();
        ProgramClass about = settings.Class ?? choices.Of(ProgramClass.All);
        TraceHeader header = Header with { Class = about.Name };
        using ModelExecutor model = new(header, settings.Profile, _ => new SequentialKernel());
        ProgramBuilder program = new(model, header);
        StepMaker maker = new(choices, about, model, header);
        int areas = 1 + choices.Next(3);
        Queue<Func<ProgramStep?>> beginning = Beginning(choices, about, maker, model, areas);
        // A record may make no step; so the number of records is bounded as well.
        for (int records = settings.Steps * 3; records > 0 && program.Count < settings.Steps && !choices.IsExhausted; records--)
        {
            choices.NextRecord();
            ProgramStep? step = beginning.TryDequeue(out Func<ProgramStep?>? first) ? first() : maker.Make(about.Draw(choices));
            if (step is not null) program.Add(step);
        }

        foreach (ProgramStep step in ProgramEnding.Of(model)) program.Add(step);
        return new Trace(string.Create(CultureInfo.InvariantCulture, $"generated-{about.Name}"), header, program.Steps);
    }

    private static Queue<Func<ProgramStep?>> Beginning(Choices choices, ProgramClass about, StepMaker maker, ModelExecutor model, int areas)
    {
        Queue<Func<ProgramStep?>> beginning = new();
        beginning.Enqueue(() => maker.File(choices.OneIn(3)));
        for (int i = 0; i < areas; i++)
        {
            beginning.Enqueue(maker.Mmap);
            beginning.Enqueue(() => choices.OneIn(2) ? maker.Make(ProgramOp.Fwrite) : maker.Access());
        }

        for (int i = 0; i < about.Contexts; i++)
        {
            int handle = i;
            beginning.Enqueue(maker.Open);
            beginning.Enqueue(() => OnHandle(model, ProgramOp.Api, handle, maker.Api));
        }

        for (int i = 0; i < areas; i++)
        {
            int handle = i % about.Contexts;
            beginning.Enqueue(() => OnHandle(model, ProgramOp.Register, handle, maker.Register));
        }

        return beginning;
    }

    private static ProgramStep? OnHandle(ModelExecutor model, ProgramOp op, int handle, Func<ProgramStep, ProgramStep> make)
    {
        ProgramStep step = new(op) { Handle = handle };
        return model.CanExecute(step) ? make(step) : null;
    }

    private sealed class ProgramBuilder(ModelExecutor model, TraceHeader header)
    {
        private readonly List<TraceStep> _steps = [];

        public int Count => _steps.Count;

        public IReadOnlyList<TraceStep> Steps => _steps;

        public void Add(ProgramStep step)
        {
            step = step with { Index = _steps.Count };
            try
            {
                _steps.Add(new TraceStep(step, model.Execute(step)));
            }
            catch (Exception e)
            {
                _steps.Add(new TraceStep(step, new Observation()));
                throw new GenerationException(new Trace("generated", header, _steps), e);
            }
        }
    }
}
