namespace UffdActors.Model.Operations;

/// <summary>What the argument pointer of a call points at; only tests and recorded programs pass anything but <see cref="Good"/>.</summary>
internal enum ArgumentPointer
{
    /// <summary>A structure that can be read and written.</summary>
    Good,

    /// <summary>Nothing: reading it is EFAULT.</summary>
    Null,

    /// <summary>A structure in a read-only page: the call is carried out and fails with EFAULT when it reports.</summary>
    ReadOnly,
}
