namespace UffdActors.Model.Mapping;

/// <summary>How a thread touches memory.</summary>
[Flags]
internal enum AccessKind
{
    /// <summary>A load, or an instruction fetch.</summary>
    Read = 0,

    /// <summary>A store, or an atomic operation even if it fails.</summary>
    Write = 1,

    /// <summary>By the kernel, in a system call: an error is EFAULT instead of a signal.</summary>
    Kernel = 2,
}
