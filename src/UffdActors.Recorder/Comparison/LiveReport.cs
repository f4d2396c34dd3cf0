using System.Text.Json;
using System.Text.Json.Serialization;
using UffdActors.Conformance.Programs;

namespace UffdActors.Recorder.Comparison;

/// <summary>What a comparison of generated programs came to.</summary>
internal sealed record LiveReport
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    /// <summary>Version of the JSON form.</summary>
    public int Version { get; init; } = 1;

    /// <summary>Release of the kernel.</summary>
    public required string Kernel { get; init; }

    /// <summary>The model.</summary>
    public required string Profile { get; init; }

    /// <summary>Window of fault-around that the model was told.</summary>
    public required long FaultAroundBytes { get; init; }

    /// <summary>True if programs with huge pages were among them.</summary>
    public required bool HugePages { get; init; }

    /// <summary>First seed.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Programs executed, those of the shrinking included.</summary>
    public required long Programs { get; init; }

    /// <summary>Steps executed.</summary>
    public required long Steps { get; init; }

    /// <summary>Fields compared.</summary>
    public required long Fields { get; init; }

    /// <summary>Time that it took.</summary>
    public required double Seconds { get; init; }

    /// <summary>What ended the run; null if nothing did.</summary>
    [JsonIgnore]
    public required FoundDifference? Found { get; init; }

    /// <summary>The report as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(
        new
        {
            Version,
            Kind = "uffd-conform-live",
            Kernel,
            Profile,
            FaultAroundBytes,
            HugePages,
            Seed,
            Programs,
            Steps,
            Fields,
            Seconds,
            Difference = Found is not { } found
                ? null
                : new
                {
                    found.Seed,
                    found.Difference.Problem.Step,
                    found.Difference.Problem.Field,
                    Model = found.Difference.Problem.Expected,
                    Kernel = found.Difference.Problem.Actual,
                    Program = found.Difference.Program.Steps.Select(s => TraceWriter.ToText(s.Step)),
                },
        },
        Json);
}
