using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace UffdActors.Cli.Reports;

/// <summary>
/// Documents: version and kind come first, names are in camel case and end with their units, enumerations are written as on the command
/// line, and what there is none of is null.
/// </summary>
internal static class JsonText
{
    /// <summary>How documents are written, and read.</summary>
    public static JsonSerializerOptions Format { get; } = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = new Names(),
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };

    /// <summary>Makes a document of its fields.</summary>
    /// <param name="kind">What the document is.</param>
    /// <param name="fields">What it says.</param>
    /// <param name="version">Version of the fields and their units.</param>
    public static string Of(string kind, object fields, int version = 1)
    {
        JsonObject document = JsonSerializer.SerializeToNode(fields, fields.GetType(), Format)!.AsObject();
        document.Insert(0, "version", version);
        document.Insert(1, "kind", kind);
        return document.ToJsonString(Format);
    }

    // The units of time as they are usually abbreviated; seconds stay in full, for nothing else is called by their letter.
    private sealed class Names : JsonNamingPolicy
    {
        public override string ConvertName(string name) => CamelCase.ConvertName(name)
            .Replace("Nanoseconds", "Ns", StringComparison.Ordinal)
            .Replace("Microseconds", "Us", StringComparison.Ordinal)
            .Replace("Milliseconds", "Ms", StringComparison.Ordinal);
    }
}
