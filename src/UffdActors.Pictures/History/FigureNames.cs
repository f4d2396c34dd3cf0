namespace UffdActors.Pictures.History;

/// <summary>Names of series that charts know.</summary>
internal static class FigureNames
{
    /// <summary>Faults that were read.</summary>
    public const string Faults = "faults";

    /// <summary>Pages filled with content on demand.</summary>
    public const string Demand = "demand";

    /// <summary>Pages filled with zeros on demand.</summary>
    public const string DemandZero = "demand zeros";

    /// <summary>Pages filled with content by a push.</summary>
    public const string Push = "push";

    /// <summary>Pages filled with zeros by a push.</summary>
    public const string PushZero = "push zeros";

    /// <summary>Pages that are being resolved.</summary>
    public const string Outstanding = "outstanding";

    /// <summary>Accesses of the guest.</summary>
    public const string Accesses = "accesses";

    /// <summary>The four causes for which pages are filled, in the order in which they are drawn.</summary>
    public static IReadOnlyList<string> Causes { get; } = [Demand, DemandZero, Push, PushZero];
}
