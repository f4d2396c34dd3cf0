using UffdActors.Abi;

namespace UffdActors;

/// <summary>
/// One fault, hop by hop: when each station was passed, in nanoseconds of the ring's clock; 0 if it was not passed, or belonged to another
/// thread's fault on the same page.
/// </summary>
public sealed class FaultTrace
{
    /// <summary>Number of the fault.</summary>
    public long Id { get; internal set; }

    /// <summary>vCPU.</summary>
    public int Vcpu { get; internal set; }

    /// <summary>Address.</summary>
    public ulong Address { get; internal set; }

    /// <summary>Why it faulted.</summary>
    public FaultFlags Flags { get; internal set; }

    /// <summary>The vCPU sent the fault to its context.</summary>
    public long Raised { get; internal set; }

    /// <summary>The reader took the message.</summary>
    public long Read { get; internal set; }

    /// <summary>The handler asked the page source.</summary>
    public long Requested { get; internal set; }

    /// <summary>The page was there.</summary>
    public long Data { get; internal set; }

    /// <summary>The page was mapped.</summary>
    public long Installed { get; internal set; }

    /// <summary>The context woke the vCPU.</summary>
    public long Woken { get; internal set; }

    /// <summary>The vCPU ran again.</summary>
    public long Resumed { get; internal set; }

    /// <summary>From raised to resumed.</summary>
    public long Nanoseconds => Resumed - Raised;

    /// <summary>The same fault with the number of the vCPU that its thread is.</summary>
    /// <param name="vcpu">vCPU.</param>
    public FaultTrace WithVcpu(int vcpu)
    {
        FaultTrace copy = Copy();
        copy.Vcpu = vcpu;
        return copy;
    }

    internal void Begin(long id, int vcpu, ulong address, long now)
    {
        Id = id;
        Vcpu = vcpu;
        Address = address;
        Flags = FaultFlags.None;
        Raised = now;
        Read = Requested = Data = Installed = Woken = Resumed = 0;
    }

    internal FaultTrace Copy() => (FaultTrace)MemberwiseClone();
}
