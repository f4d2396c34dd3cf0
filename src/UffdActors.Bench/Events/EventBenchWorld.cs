namespace UffdActors.Bench.Events;

/// <summary>Where memory and userfaultfd are.</summary>
internal enum EventBenchWorld
{
    /// <summary>The model, on a fault loop.</summary>
    Model,

    /// <summary>This machine's kernel.</summary>
    Live,
}
