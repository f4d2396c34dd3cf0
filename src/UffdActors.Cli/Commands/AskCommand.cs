using System.CommandLine;
using System.Numerics;
using System.Text.Json;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Reports;
using UffdActors.Conformance.Cells;
using UffdActors.Conformance.Runs;
using UffdActors.Model;

namespace UffdActors.Cli.Commands;

/// <summary><c>uffd ask</c>: one question about a kernel, answered by executing the model.</summary>
internal static class AskCommand
{
    // Not those of events: a call that raises one waits until it is read, and no thread reads here.
    private static readonly OrderedDictionary<string, UffdFeatures> FeatureWords = new(
        Enum.GetValues<UffdFeatures>()
            .Where(f => !BitOperations.IsPow2((ulong)f) ? f == UffdFeatures.None : (f & UffdFeatures.Events) == 0)
            .Select(f => KeyValuePair.Create(JsonNamingPolicy.KebabCaseLower.ConvertName(f.ToString()), f)),
        StringComparer.OrdinalIgnoreCase);

    public static Command Build(Terminal terminal)
    {
        Option<string> backend =
            TypedOptions.Required("--backend", "NAME", $"Memory: {string.Join(", ", CellMemory.All.Select(m => m.Name))}.");
        Option<string> state =
            TypedOptions.Required("--state", "NAME", $"State of the page: {string.Join(", ", CellState.Askable.Select(s => s.Name))}.");
        Option<string> modes = TypedOptions.Required("--modes", "MWI", "Registered modes: letters of MWI.");
        Option<string> operation =
            TypedOptions.Required("--do", "NAME", $"Operation: {string.Join(", ", CellOperation.All.Select(o => o.Name))}.");
        Option<Named<KernelProfile>> profile = ProfileOption("Kernel that is asked.");
        Option<string> features = TypedOptions.Text("--features", "NAME,...", "Features of the context, such as sigbus,wp-async.", "");
        Option<string?> data =
            TypedOptions.Text("--data", "DIR", "Folder with recorded matrices and traces; default: the project's own recordings.");
        Option<string?> json = TypedOptions.Json();
        Command command = new("ask", "Ask what a kernel does: errno, out field, next state, woken threads, and why.")
        {
            backend, state, modes, operation, profile, features, data, json,
        };
        command.SetAction(parsed =>
        {
            Cell cell = new(
                Word("--backend", parsed.GetRequiredValue(backend), CellMemory.Find, CellMemory.All.Select(m => m.Name)),
                Word("--state", parsed.GetRequiredValue(state), CellState.Find,
                    CellState.Askable.Select(s => s.Name).Concat(CellState.OtherNames.Keys)),
                FeaturesOf(parsed.GetRequiredValue(features)),
                ModesOf(parsed.GetRequiredValue(modes)),
                Word("--do", parsed.GetRequiredValue(operation), CellOperation.Find, CellOperation.All.Select(o => o.Name)));
            if (!cell.State.IsOf(cell.Memory))
            {
                throw CommandException.BadInput(
                    $"--state {cell.State.Name}: {cell.Memory.Name} has no such state; it has "
                        + $"{string.Join(", ", CellState.Askable.Where(s => s.IsOf(cell.Memory)).Select(s => s.Name))}.");
            }

            KernelProfile kernel = parsed.GetRequiredValue(profile).Value;
            using JsonTarget target = JsonTarget.Open(terminal, parsed.GetValue(json));
            string folder = parsed.GetValue(data) ?? ConformanceData.OwnFolder;
            AskAnswer answer =
                AskAnswer.Of(kernel, cell, RecordedCells.Read(folder), new RecordedSteps(ConformanceData.ReadTraces(folder)));
            target.Write(CellDocument.Of(answer));
            Write(target.Report, answer);
            return ExitCode.Done;
        });
        return command;
    }

    /// <summary>The option that names a kernel.</summary>
    public static Option<Named<KernelProfile>> ProfileOption(string description) => TypedOptions.Choice(
        "--profile", description, KernelProfile.Linux618.Name, [.. KernelProfile.All.Select(p => new Named<KernelProfile>(p.Name, p))]);

    /// <summary>The kernel of a name.</summary>
    /// <exception cref="CommandException">There is none.</exception>
    public static KernelProfile ProfileOf(string option, string name) =>
        Word(option, name, KernelProfile.Find, KernelProfile.All.Select(p => p.Name));

    private static T Word<T>(string option, string text, Func<string, T?> find, IEnumerable<string> allowed)
        where T : class => find(text) ?? throw CommandException.BadInput($"{option} {text}: use one of {string.Join(", ", allowed)}.");

    private static RegisterModes ModesOf(string text)
    {
        RegisterModes modes = RegisterModes.None;
        foreach (char letter in text)
        {
            modes |= char.ToUpperInvariant(letter) switch
            {
                'M' => RegisterModes.Missing,
                'W' => RegisterModes.WriteProtect,
                'I' => RegisterModes.Minor,
                _ => throw CommandException.BadInput($"--modes {text}: use letters of MWI (missing, write-protect, minor), as in MW."),
            };
        }

        return modes != RegisterModes.None ? modes : throw CommandException.BadInput("--modes: name at least one of M, W, I.");
    }

    private static UffdFeatures FeaturesOf(string text)
    {
        UffdFeatures features = UffdFeatures.None;
        foreach (string name in TypedOptions.Parts(text))
        {
            if (!FeatureWords.TryGetValue(name, out UffdFeatures feature))
                throw CommandException.BadInput($"--features {name}: use {string.Join(", ", FeatureWords.Keys)}, with commas between.");
            features |= feature;
        }

        return features;
    }

    private static void Write(Terminal terminal, AskAnswer asked)
    {
        (Cell cell, CellAnswer answer) = (asked.Cell, asked.Answer);
        terminal.WriteLine(
            $"{asked.Profile.Name}: {cell.Operation.Name} on {cell.Memory.Name}, {cell.State.Name}, registered "
                + $"{Cell.LettersOf(cell.Modes)}, features {Cell.NameOf(cell.Features)}");
        if (answer.IsReachable)
        {
            terminal.WriteLine($"  result     {answer.Result}{(answer.Out.Length > 0 ? $"   out {answer.Out}" : "")}");
            terminal.WriteLine($"  entry      {answer.EntryBefore} -> {answer.EntryAfter}");
            if (answer.CacheBefore.Length > 0) terminal.WriteLine($"  cache      {answer.CacheBefore} -> {answer.CacheAfter}");
            if (answer.Reader.Length > 0) terminal.WriteLine($"  a reader asleep at the page   {answer.Reader}");
            if (answer.Writer.Length > 0) terminal.WriteLine($"  a writer asleep at the page   {answer.Writer}");
        }
        else
        {
            terminal.WriteLine($"  cannot be asked: {answer.Preparation}");
        }

        terminal.WriteLine($"  rule       {asked.Rule.Sentence} ({asked.Rule.Section})");
        terminal.WriteLine(asked.Recorded switch
        {
            null => "  recorded   no recorded row or trace step shows this",
            { } shown when asked.IsAsRecorded => $"  recorded   {shown}",
            { } shown => $"  recorded   Linux 6.18 gives another result: {shown}",
        });
    }
}
