using System.Globalization;

namespace UffdActors.Benchmarks.Serving;

/// <summary>A figure, and what it has to be.</summary>
/// <param name="What">What was measured, with its unit.</param>
/// <param name="Measured">The figure.</param>
/// <param name="Target">The target; empty for a figure that has none.</param>
/// <param name="IsReached">Whether it is; null for none.</param>
internal sealed record ServeFigure(string What, string Measured, string Target = "", bool? IsReached = null)
{
    /// <summary>A figure without a target.</summary>
    public static ServeFigure Of(string what, double measured) => new(what, Text(measured));

    /// <summary>A figure that has to be a number at least.</summary>
    public static ServeFigure AtLeast(string what, double measured, double target) =>
        new(what, Text(measured), $">= {Text(target)}", measured >= target);

    /// <summary>A figure that has to be a number at most.</summary>
    public static ServeFigure AtMost(string what, double measured, double target) =>
        new(what, Text(measured), $"<= {Text(target)}", measured <= target);

    private static string Text(double number) => number.ToString(number < 10 ? "0.00" : "#,0", CultureInfo.InvariantCulture);
}
