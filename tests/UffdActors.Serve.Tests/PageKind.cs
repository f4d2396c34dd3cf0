namespace UffdActors.Serve.Tests;

/// <summary>A page of a memory file that a test writes.</summary>
internal enum PageKind
{
    /// <summary>Not stored.</summary>
    Hole,

    /// <summary>What the VMMs expect; zeros, where they expect a hole.</summary>
    Right,

    /// <summary>Something that a guest must not see.</summary>
    Wrong,
}
