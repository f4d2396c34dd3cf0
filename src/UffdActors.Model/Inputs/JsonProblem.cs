using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace UffdActors.Model.Inputs;

/// <summary>
/// What is wrong with a JSON document, for its writer: the parser's own message speaks of types and members of .NET, and counts lines
/// and bytes from 0.
/// </summary>
internal static partial class JsonProblem
{
    private const string Placed = "LineNumber:";

    /// <summary>The problem as a part of a sentence.</summary>
    /// <param name="problem">What the parser or serializer has thrown.</param>
    /// <param name="withLine">Say the line, where it is known; not of a document that is one line.</param>
    public static string Text(JsonException problem, bool withLine = true)
    {
        ArgumentNullException.ThrowIfNull(problem);
        string place = withLine && problem.LineNumber is { } line
            ? string.Create(CultureInfo.InvariantCulture, $"line {line + 1}: ") : "";
        string field = problem.Path is { Length: > 2 } path ? path[2..] : "";
        string message = problem.Message;
        if (Missing().Match(message) is { Success: true } missing)
            return $"{place}it lacks the field {string.Join(", ", Quoted().Matches(missing.Value).Select(m => m.Value))}";
        if (Unknown().Match(message) is { Success: true } unknown) return $"{place}there is no field \"{unknown.Groups[1].Value}\"";
        if (Duplicate().Match(message) is { Success: true } twice) return $"{place}the field \"{twice.Groups[1].Value}\" is there twice";
        if (message.Contains("doesn't allow setting null", StringComparison.Ordinal)) return $"{place}{Named(field)} is null";
        if (message.Contains("could not be converted", StringComparison.Ordinal))
            return $"{place}{Named(field)} has a value of the wrong kind, or out of range";
        int end = new[] { message.IndexOf(" Path:", StringComparison.Ordinal), message.IndexOf(Placed, StringComparison.Ordinal) }
            .Where(at => at >= 0).DefaultIfEmpty(message.Length).Min();
        string what = message[..end].TrimEnd('.', ' ', '|');
        return what.Length == 0 ? $"{place}it is no JSON" : $"{place}it is no JSON: {what}";
    }

    private static string Named(string field) => field.Length == 0 ? "the document" : $"\"{field}\"";

    [GeneratedRegex("missing required properties including: ('[^']*'(, )?)+", RegexOptions.CultureInvariant)]
    private static partial Regex Missing();

    [GeneratedRegex("'[^']*'", RegexOptions.CultureInvariant)]
    private static partial Regex Quoted();

    [GeneratedRegex("Duplicate property '(.*)' encountered", RegexOptions.CultureInvariant)]
    private static partial Regex Duplicate();

    [GeneratedRegex("The JSON property '(.*)' could not be mapped", RegexOptions.CultureInvariant)]
    private static partial Regex Unknown();
}
