namespace UffdActors;

/// <summary>How urgently pages are wanted.</summary>
public enum Urgency
{
    /// <summary>A thread waits.</summary>
    Demand,

    /// <summary>Background.</summary>
    Push,
}
