namespace UffdActors.Linux.Needs;

/// <summary>KVM.</summary>
/// <param name="Device"><c>/dev/kvm</c>: "ok", or an errno.</param>
/// <param name="ApiVersion">KVM_GET_API_VERSION; 0 if it could not be asked.</param>
/// <param name="GuestMemfd">KVM_CAP_GUEST_MEMFD.</param>
/// <param name="GuestMemfdFlags">Flags of KVM_CREATE_GUEST_MEMFD: 1 MMAP, 2 INIT_SHARED.</param>
internal sealed record KvmFacts(string Device, int ApiVersion, bool GuestMemfd, int GuestMemfdFlags)
{
    private const int MapFlags = 3;

    /// <summary>What KVM answers on the device that could be opened: "ok", or an errno.</summary>
    public string Answer { get; init; } = "ok";

    /// <summary>True if this kernel has KVM (<c>/proc/misc</c>), with or without the device here.</summary>
    public bool InKernel { get; init; }

    /// <summary>True if a guest_memfd can be mapped and has pages that are shared from the start: both flags are needed.</summary>
    internal bool CanMapGuestMemfd => (GuestMemfdFlags & MapFlags) == MapFlags;
}
