namespace UffdActors.Explore.Emit;

/// <summary>What user space does in a run.</summary>
internal enum CallKind
{
    /// <summary>A thread begins its next action.</summary>
    Action,

    /// <summary>A reader reads until EAGAIN.</summary>
    Read,

    /// <summary>A handler, the push or a racing resolver fills pages.</summary>
    Fill,

    /// <summary>A reader wakes the threads of a page.</summary>
    Wake,

    /// <summary>A handler clears write protection.</summary>
    ClearProtection,

    /// <summary>A handler maps a page of an alias.</summary>
    PopulateAlias,
}
