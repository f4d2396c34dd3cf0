namespace UffdActors.Conformance.Programs;

/// <summary>The operations of a program, named as in the trace format.</summary>
#pragma warning disable CS1591 // The names are the documentation; their meaning is in the trace format.
internal enum ProgramOp
{
    Open,
    Api,
    Close,
    Dup,
    Register,
    Unregister,
    Wake,
    Copy,
    Move,
    Zeropage,
    Continue,
    Poison,
    Writeprotect,
    Read,
    Poll,
    Access,
    File,
    Fallocate,
    Punch,
    Truncate,
    Fwrite,
    Mmap,
    Munmap,
    Mprotect,
    Mremap,
    Madvise,
    Fork,
    Exit,
    Signal,
    Final,
}
#pragma warning restore CS1591
