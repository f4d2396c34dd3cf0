using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using UffdActors.Bench;
using UffdActors.Model.Inputs;

namespace UffdActors.Cli.Reports;

/// <summary>
/// The document of any bench as a list of named figures, so that two of them can be compared whatever they measure: an object with median,
/// min and max is a spread, any other number an exact figure, and a row of a list is called by its words and by its vCPUs or regions.
/// </summary>
internal sealed class BenchDocument
{
    private const long MaxBytes = 16L << 20;
    private const int MostFigures = 10_000;
    private const int LongestWord = 500;
    private static readonly string[] NamingNumbers = ["vcpus", "regions", "count"];

    private readonly Dictionary<string, Spread> _figures = [];
    private readonly Dictionary<string, string> _settings = [];
    private readonly string _name;

    private BenchDocument(string name, string kind, int version)
    {
        _name = name;
        Kind = kind;
        Version = version;
    }

    /// <summary>What the document is.</summary>
    public string Kind { get; }

    /// <summary>Version of its fields and their units.</summary>
    public int Version { get; }

    /// <summary>Each figure, by its name with the unit.</summary>
    public IReadOnlyDictionary<string, Spread> Figures => _figures;

    /// <summary>Each word and switch, by its name.</summary>
    public IReadOnlyDictionary<string, string> Settings => _settings;

    /// <summary>Reads a file.</summary>
    /// <exception cref="BenchException">There is no such file, or it is the document of no bench.</exception>
    public static BenchDocument Load(string path)
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

    /// <summary>Reads a document.</summary>
    /// <param name="text">The document.</param>
    /// <param name="name">What it is called in messages.</param>
    /// <exception cref="BenchException">It is the document of no bench.</exception>
    public static BenchDocument Parse(string text, string name)
    {
        try
        {
            if (JsonNode.Parse(text) is not JsonObject document) throw new FormatException("it is no object");
            string kind = KindOf(document);
            if (!kind.StartsWith("uffd-bench-", StringComparison.Ordinal))
                throw new BenchException($"{name} is not the JSON of \"uffd bench\" (its kind is \"{kind}\").");
            BenchDocument read = new(name, kind, VersionOf(document));
            _ = document.Remove("kind");
            _ = document.Remove("version");
            read.Add(document, "");
            return read;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw new BenchException($"{name} cannot be read as the JSON of \"uffd bench\": {ProblemOf(e)}.", e);
        }
    }

    /// <summary>What the document says that it is; empty if it says nothing that is text.</summary>
    /// <exception cref="FormatException">It is no name.</exception>
    public static string KindOf(JsonObject document) =>
        document["kind"] is JsonValue value && value.TryGetValue(out string? kind) ? Word("kind", kind) : "";

    /// <summary>The version of the document; 0 if it has none.</summary>
    public static int VersionOf(JsonObject document) =>
        document["version"] is not { } node ? 0
            : node is JsonValue value && value.TryGetValue(out int version) ? version
            : throw new FormatException("its version is no whole number");

    /// <summary>Why a document cannot be read, as a part of a sentence.</summary>
    public static string ProblemOf(Exception e) => e switch
    {
        JsonException json => JsonProblem.Text(json),
        // Thrown here only: conversions of .NET are checked before they are made.
        FormatException => e.Message,
        // JsonObject throws it for a name that occurs twice.
        ArgumentException => "a field is there twice in one object",
        _ => "a value is of the wrong kind",
    };

    private void Add(JsonObject item, string path)
    {
        foreach ((string member, JsonNode? value) in item)
        {
            string name = path.Length == 0 ? Word("a field", member) : $"{path} {Word($"a field of {path}", member)}";
            switch (value)
            {
                case JsonObject spread when spread.Count == 3 && spread.ContainsKey("median"):
                    Keep(name, new Spread(Number(spread["median"]), Number(spread["min"]), Number(spread["max"])));
                    break;
                case JsonObject inner:
                    Add(inner, name);
                    break;
                case JsonArray list:
                    AddAll(list, name);
                    break;
                case JsonValue scalar when scalar.GetValueKind() == JsonValueKind.Number && !NamingNumbers.Contains(member):
                    Keep(name, new Spread(Number(scalar), Number(scalar), Number(scalar)));
                    break;
                case JsonValue word:
                    _settings[name] = Word(name, word.ToString());
                    break;
            }
        }
    }

    private void AddAll(JsonArray list, string name)
    {
        for (int i = 0; i < list.Count; i++)
        {
            if (list[i] is not JsonObject row) _settings[$"{name} {i}"] = Word(name, list[i]?.ToJsonString() ?? "");
            else if (row.ContainsKey("median")) Add(new JsonObject { [Place(i)] = row.DeepClone() }, name);
            else Add(row, $"{name} {NameOf(row, i)}");
        }
    }

    private void Keep(string name, Spread figure)
    {
        if (!figure.MakesSense) throw new FormatException($"{name} is no figure that repeats can have given");
        if (_figures.Count == MostFigures) throw new BenchException($"{_name} has more than {MostFigures} figures; that is no run.");
        _figures.Add(name, figure);
    }

    private static string NameOf(JsonObject row, int index)
    {
        IEnumerable<string> words = row
            .Where(m => m.Value is JsonValue value
                && (value.GetValueKind() == JsonValueKind.String
                    || (NamingNumbers.Contains(m.Key) && value.GetValueKind() == JsonValueKind.Number)))
            .Select(m => m.Value!.GetValueKind() == JsonValueKind.String ? m.Value.ToString() : $"{m.Key}={m.Value}");
        string name = string.Join(' ', words);
        return name.Length > 0 ? Word("the name of a row", name) : Place(index);
    }

    private static string Place(int index) => string.Create(CultureInfo.InvariantCulture, $"#{index + 1}");

    // Names are shown in a table on a terminal: short, and without control characters.
    private static string Word(string name, string text) =>
        text.Length > LongestWord ? throw new FormatException($"{name} has {text.Length} characters; {LongestWord} are the limit")
            : text.Any(char.IsControl) ? throw new FormatException($"{name} holds a control character")
            : text;

    private static double Number(JsonNode? node) => node is JsonValue value && value.GetValueKind() == JsonValueKind.Number
        && value.TryGetValue(out double number) ? number : throw new FormatException("a figure is no number, or is out of range");
}
