namespace UffdActors.Pictures.Live;

/// <summary>What a piece of the live view is; without colors its characters say the same.</summary>
internal enum LiveStyle
{
    /// <summary>Ordinary text.</summary>
    Plain,

    /// <summary>Names.</summary>
    Dim,

    /// <summary>What is to be seen first.</summary>
    Strong,

    /// <summary>Something went wrong.</summary>
    Alarm,

    /// <summary>Pages by demand.</summary>
    Demand,

    /// <summary>Pages by push.</summary>
    Push,

    /// <summary>Zeros.</summary>
    Zero,

    /// <summary>Pages that are waited for.</summary>
    Requested,

    /// <summary>Given back, protected, there before.</summary>
    Other,
}
