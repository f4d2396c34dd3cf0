using System.Buffers.Binary;
using UffdActors.Kvm.Programs;

namespace UffdActors.Kvm.Snapshots;

/// <summary>In front of the balloon device: reports the page that the guest is about to give back, while it is still present.</summary>
/// <param name="pages">Pages of the guest; another number is left to the balloon to refuse.</param>
/// <param name="before">Called on the vCPU's thread.</param>
internal sealed class RemovalGate(long pages, Action<long> before) : IKvmDevice
{
    /// <inheritdoc />
    public bool TryOut(int vcpu, ushort port, ReadOnlySpan<byte> data)
    {
        if (port == GuestPlan.BalloonPort && BinaryPrimitives.ReadUInt32LittleEndian(data) is var page && page < pages) before(page);
        return false;
    }
}
