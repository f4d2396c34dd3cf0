namespace UffdActors.Linux.Native;

/// <summary>KVM: what is needed to make a guest_memfd.</summary>
internal static class Kvm
{
    public const uint KVM_GET_API_VERSION = 0xAE00;
    public const uint KVM_CREATE_VM = 0xAE01;
    public const uint KVM_CHECK_EXTENSION = 0xAE03;
    public const uint KVM_CREATE_GUEST_MEMFD = 0xC040AED4;
    public const int KVM_CAP_GUEST_MEMFD = 234;
    public const int KVM_CAP_GUEST_MEMFD_FLAGS = 244;
}
