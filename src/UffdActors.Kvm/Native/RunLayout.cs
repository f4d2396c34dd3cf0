namespace UffdActors.Kvm.Native;

/// <summary>Where the fields of <c>struct kvm_run</c> lie, in bytes. Those of one exit share their place with those of another.</summary>
internal static class RunLayout
{
    public const int ImmediateExit = 1;
    public const int ExitReason = 8;
    public const int IoDirection = 32;
    public const int IoSize = 33;
    public const int IoPort = 34;
    public const int IoCount = 36;
    public const int IoDataOffset = 40;
    public const int MmioPhysAddr = 32;
    public const int MmioData = 40;
    public const int MmioLen = 48;
    public const int MmioIsWrite = 52;
    public const int InternalSuberror = 32;
    public const int FailEntryReason = 32;

    /// <summary><c>memory_fault.gpa</c>, behind its flags.</summary>
    public const int MemoryFaultGpa = 40;
}
