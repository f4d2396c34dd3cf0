using System.Text.Json;
using System.Text.Json.Serialization;
using UffdActors.Explore.Campaigns;
using UffdActors.Explore.Policies;
using UffdActors.Explore.Runs;
using UffdActors.Explore.Scenarios;
using UffdActors.Model.Inputs;

namespace UffdActors.Explore.Reports;

/// <summary>
/// A run in a file: its scenario in full, its choices, and its result. Repeats the run in any process and on any machine, as long
/// as the code under it is the same.
/// </summary>
internal sealed record ReplayFile
{
    /// <summary>Size that a file may have, in bytes.</summary>
    public const long MaxBytes = 16L << 20;

    private const int CurrentVersion = 1;
    private const int MaxLines = 10_000;
    private const int MaxChoices = 1_000_000;
    private const int LongestName = 255;
    private const int LongestSentence = 10_000;

    // If runs are not deterministic, two of them may still be equal by chance.
    private const int RepeatsAtMost = 16;

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        RespectNullableAnnotations = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>Version of the format.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>Name of the scenario that it stems from.</summary>
    public required string Name { get; init; }

    /// <summary>The scenario, line by line.</summary>
    public required IReadOnlyList<string> Scenario { get; init; }

    /// <summary>The choices that made the scenario, in front of those of the schedule; null if it was written by hand.</summary>
    public IReadOnlyList<int>? Program { get; init; }

    /// <summary>Mutant that it was found in; null for the shipped code.</summary>
    public string? Mutant { get; init; }

    /// <summary>Policy that found it.</summary>
    public required string Policy { get; init; }

    /// <summary>Seed of the exploration that found it.</summary>
    public ulong Seed { get; init; }

    /// <summary>The choices.</summary>
    public required IReadOnlyList<int> Choices { get; init; }

    /// <summary>The invariant that it breaks.</summary>
    public required string Invariant { get; init; }

    /// <summary>What goes wrong, in one sentence.</summary>
    public required string Sentence { get; init; }

    /// <summary>Step after which it is seen.</summary>
    public int Step { get; init; }

    /// <summary>False if the run was not compared with the sequential kernel; null if it was.</summary>
    public bool? Reference { get; init; }

    /// <summary>Trace hash of the run.</summary>
    public required string TraceHash { get; init; }

    /// <summary>The file of a finding.</summary>
    public static ReplayFile Of(Finding finding, ulong seed, string? mutant) => new()
    {
        Name = finding.Scenario.Name,
        Scenario = ScenarioText.Format(finding.Scenario).TrimEnd('\n').Split('\n'),
        Program = finding.Scenario.Program.IsEmpty ? null : finding.Scenario.Program,
        Mutant = mutant,
        Policy = finding.Policy,
        Seed = seed,
        Choices = finding.Choices,
        Invariant = finding.Violation.Invariant,
        Sentence = finding.Violation.Sentence,
        Step = finding.Violation.Step,
        TraceHash = finding.Hash,
        Reference = finding.HasReference ? null : false,
    };

    /// <summary>Reads a file.</summary>
    /// <exception cref="ReplayFileException">It is no replay file, or of another version.</exception>
    public static ReplayFile Read(string path)
    {
        ReplayFile? file;
        try
        {
            file = JsonSerializer.Deserialize<ReplayFile>(InputFile.ReadText(path, MaxBytes), Json);
        }
        catch (Exception e) when (e is JsonException or InputFileException)
        {
            string why = e is JsonException json ? JsonProblem.Text(json) : e.Message.TrimEnd('.');
            throw new ReplayFileException($"{path} cannot be used as a replay file: {why}.", e);
        }

        if (file is null) throw new ReplayFileException($"{path} is empty; a replay file is written by uffd explore --out.");
        if (file.Version != CurrentVersion)
            throw new ReplayFileException($"{path} has version {file.Version}; this program understands version {CurrentVersion}.");
        if (file.Problem() is { } problem) throw new ReplayFileException($"{path} cannot be used as a replay file: {problem}.");
        return file;
    }

    // Checks beyond the types. The scenario is parsed here too, so that a file is refused before anything is printed.
    private string? Problem()
    {
        if (Scenario.Count > MaxLines || Scenario.Any(line => line is null))
            return $"scenario: up to {MaxLines} lines of text are taken, and none is null";
        if (Choices.Count > MaxChoices || Choices.Any(c => c < 0))
            return $"choices: up to {MaxChoices} numbers are taken, and none is negative";
        if (Program is { } program && (program.Count > MaxChoices || program.Any(c => c < 0)))
            return $"program: up to {MaxChoices} numbers are taken, and none is negative";
        if (Step < 0) return "step: it is negative";
        foreach ((string field, string? text, int most) in new[]
        {
            ("name", Name, LongestName), ("mutant", Mutant, LongestName), ("invariant", Invariant, LongestName),
            ("policy", Policy, LongestName), ("traceHash", TraceHash, LongestName), ("sentence", Sentence, LongestSentence),
        })
        {
            if (text?.Length > most) return $"{field}: it has {text.Length} characters, and {most} are the limit";
            if (text?.Any(char.IsControl) == true) return $"{field}: it holds a control character";
        }

        if (Policy != Campaign.Exhaustive && SchedulePolicy.Find(Policy) is not [_])
            return $"policy: there is no \"{Policy}\"; there are {SchedulePolicy.Names} and {Campaign.Exhaustive}";
        try
        {
            _ = ScenarioText.Parse(Name, string.Join('\n', Scenario));
            return null;
        }
        catch (ScenarioException e)
        {
            return e.Message.TrimEnd('.');
        }
    }

    /// <summary>The text of the file.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Json) + "\n";

    /// <summary>Makes the run again.</summary>
    public RunResult Run(Explorer explorer, IRunObserver? observer = null)
    {
        RunRequest request = new()
        {
            Scenario = ScenarioText.Parse(Name, string.Join('\n', Scenario)),
            Choices = Choices,
            HasReference = Reference ?? true,
        };
        RunResult result = explorer.Run(request with { Observer = observer });
        if (Invariant != Campaign.Repeatable || result.Violation is not null) return result;
        // A difference between two runs with the same choices needs two runs to be seen.
        for (int i = 0; i < RepeatsAtMost; i++)
        {
            RunResult again = explorer.Run(request);
            if (Campaign.Differs(result, again) is { } violation) return result with { Violation = violation };
        }

        return result;
    }
}
