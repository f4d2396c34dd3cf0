using System.Text.Json;
using System.Text.Json.Serialization;

namespace UffdActors.Serve.Daemon;

/// <summary>How requests and answers are written: JSON, one in a line (CONTROL.md).</summary>
internal static class ControlFormat
{
    /// <summary>The version of the protocol.</summary>
    public const int Version = 1;

    /// <summary>The most bytes of a line.</summary>
    public const int MostBytes = 64 << 10;

    /// <summary>The format: names in camel case, unknown fields refused.</summary>
    public static JsonSerializerOptions Json { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        MaxDepth = 8,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false) },
    };
}
