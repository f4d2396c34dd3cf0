namespace UffdActors.Kvm;

/// <summary>
/// A device of the embedder: handles accesses to its ports and addresses. Called by the threads of the vCPUs, several at a time; the
/// calling vCPU does not run meanwhile. An exception ends the vCPU (<see cref="VcpuEndKind.DeviceFailed"/>).
/// </summary>
public interface IKvmDevice
{
    /// <summary>OUT: the guest writes to a port.</summary>
    /// <param name="vcpu">Number of the vCPU.</param>
    /// <param name="port">Port.</param>
    /// <param name="data">1, 2 or 4 bytes, little-endian.</param>
    /// <returns>False if it is not a port of this device.</returns>
    bool TryOut(int vcpu, ushort port, ReadOnlySpan<byte> data) => false;

    /// <summary>IN: the guest reads from a port.</summary>
    /// <param name="vcpu">Number of the vCPU.</param>
    /// <param name="port">Port.</param>
    /// <param name="data">Where 1, 2 or 4 bytes go.</param>
    /// <returns>False if it is not a port of this device.</returns>
    bool TryIn(int vcpu, ushort port, Span<byte> data) => false;

    /// <summary>The guest writes to an address that is no memory.</summary>
    /// <param name="vcpu">Number of the vCPU.</param>
    /// <param name="address">Guest physical address.</param>
    /// <param name="data">1 to 8 bytes.</param>
    /// <returns>False if it is not an address of this device.</returns>
    bool TryWrite(int vcpu, ulong address, ReadOnlySpan<byte> data) => false;

    /// <summary>The guest reads from an address that is no memory.</summary>
    /// <param name="vcpu">Number of the vCPU.</param>
    /// <param name="address">Guest physical address.</param>
    /// <param name="data">Where 1 to 8 bytes go.</param>
    /// <returns>False if it is not an address of this device.</returns>
    bool TryRead(int vcpu, ulong address, Span<byte> data) => false;
}
