namespace UffdActors.Model.Mapping;

/// <summary>Calls on a file that a module may refuse.</summary>
public enum FileCall
{
    /// <summary>fallocate without a mode.</summary>
    Allocate,

    /// <summary>fallocate with KEEP_SIZE.</summary>
    AllocateInside,

    /// <summary>fallocate with PUNCH_HOLE and KEEP_SIZE; MADV_REMOVE comes here too.</summary>
    Punch,

    /// <summary>ftruncate.</summary>
    Truncate,

    /// <summary>pwrite.</summary>
    Write,
}
