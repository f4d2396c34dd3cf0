using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using UffdActors.Bench;
using UffdActors.Model.Inputs;

namespace UffdActors.Cli.Reports;

/// <summary>The figures of <c>uffd bench faults</c> as they are written, and read back by <c>uffd bench compare</c>.</summary>
internal static class FaultBenchDocument
{
    /// <summary>What the document is.</summary>
    public const string Kind = "uffd-bench-faults";
    private const int Version = 2;
    private const long MaxBytes = 16L << 20;

    private static readonly JsonSerializerOptions Strict = new(JsonText.Format)
    {
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    public static string Of(FaultBenchReport report) => JsonText.Of(Kind, report, Version);

    /// <summary>Reads a file.</summary>
    /// <exception cref="BenchException">
    /// There is no such file, it is no such document, or one of another version, and so of other units.
    /// </exception>
    public static FaultBenchReport Load(string path)
    {
        try
        {
            return Parse(InputFile.ReadText(path, MaxBytes), path);
        }
        catch (InputFileException e)
        {
            throw new BenchException($"{path} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Reads what <see cref="Of"/> has written.</summary>
    /// <param name="text">The document.</param>
    /// <param name="name">What it is called in messages.</param>
    /// <exception cref="BenchException">It is no such document, or of another version, and so of other units.</exception>
    public static FaultBenchReport Parse(string text, string name)
    {
        try
        {
            if (JsonNode.Parse(text) is not JsonObject document) throw new FormatException("it is no object");
            string kind = BenchDocument.KindOf(document);
            if (kind != Kind) throw new BenchException($"{name} is not the JSON of \"uffd bench faults\" (its kind is \"{kind}\").");
            int version = BenchDocument.VersionOf(document);
            if (version != Version)
                throw new BenchException(
                    $"{name} has version {version}; this program reads version {Version}. Measure again with one program.");
            _ = document.Remove("kind");
            _ = document.Remove("version");
            FaultBenchReport report = document.Deserialize<FaultBenchReport>(Strict)!;
            return report.Problem() is { } problem
                ? throw new BenchException($"{name} cannot be read as the JSON of \"uffd bench faults\": {problem}.") : report;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw new BenchException(
                $"{name} cannot be read as the JSON of \"uffd bench faults\": {BenchDocument.ProblemOf(e)}.", e);
        }
    }
}
