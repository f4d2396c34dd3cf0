using System.Text.Json.Nodes;

namespace UffdActors.Pictures.Charts;

/// <summary>The time axis of a run: in the unit that suits its length.</summary>
internal sealed class TimeScale
{
    private const long Second = 1_000_000_000;
    private readonly double _divisor;
    private readonly string _unit;

    /// <param name="nanoseconds">Length of the run.</param>
    /// <param name="isVirtual">True for virtual time.</param>
    public TimeScale(long nanoseconds, bool isVirtual = false)
    {
        (_divisor, _unit) = nanoseconds switch
        {
            < Second / 1000 => (1e3, "us"),
            < 2 * Second => (1e6, "ms"),
            < 600 * Second => (1e9, "s"),
            _ => (60e9, "min"),
        };
        End = nanoseconds / _divisor;
        Title = isVirtual ? $"virtual time in {_unit}" : $"time in {_unit}";
    }

    /// <summary>Title of the axis.</summary>
    public string Title { get; }

    /// <summary>End of the run.</summary>
    public double End { get; }

    /// <summary>A time on the axis.</summary>
    public double Of(double nanoseconds) => Math.Round(nanoseconds / _divisor, 4);

    /// <summary>The axis.</summary>
    public JsonObject Axis()
    {
        JsonObject axis = Plotly.Axis(Title);
        axis["range"] = new JsonArray(0.0, End);
        return axis;
    }
}
