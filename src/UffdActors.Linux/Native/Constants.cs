namespace UffdActors.Linux.Native;

// Numbers of the kernel's and the C library's headers on x86-64, named as there.
#pragma warning disable CA1707

/// <summary>File descriptors.</summary>
internal static class Fd
{
    public const int O_RDONLY = 0;
    public const int O_RDWR = 2;
    public const int O_NONBLOCK = 0x800;
    public const int O_CLOEXEC = 0x80000;
    public const int F_DUPFD_CLOEXEC = 1030;
    public const int F_GETFL = 3;
    public const int F_SETFL = 4;
    public const int EFD_CLOEXEC = 0x80000;
    public const int EFD_NONBLOCK = 0x800;
    public const int FALLOC_FL_KEEP_SIZE = 1;
    public const int FALLOC_FL_PUNCH_HOLE = 2;
    public const int SEEK_DATA = 3;
    public const uint MFD_CLOEXEC = 1;
    public const uint MFD_HUGETLB = 4;
    public const uint MFD_HUGE_2MB = 21u << 26;
}

/// <summary>Waiting.</summary>
internal static class Wait
{
    public const short POLLIN = 1;
    public const short POLLPRI = 2;
    public const short POLLOUT = 4;
}

/// <summary>Mappings.</summary>
internal static class Mm
{
    public const int PROT_NONE = 0;
    public const int PROT_READ = 1;
    public const int PROT_WRITE = 2;
    public const int MAP_SHARED = 1;
    public const int MAP_PRIVATE = 2;
    public const int MAP_FIXED = 0x10;
    public const int MAP_ANONYMOUS = 0x20;
    public const int MAP_NORESERVE = 0x4000;
    public const int MAP_FIXED_NOREPLACE = 0x100000;
    public const int MREMAP_MAYMOVE = 1;
    public const int MREMAP_FIXED = 2;
    public const int MREMAP_DONTUNMAP = 4;
    public const nint MAP_FAILED = -1;
}

/// <summary>Scheduling.</summary>
internal static class Sched
{
    public const int SCHED_OTHER = 0;
    public const int SCHED_FIFO = 1;
}

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
#pragma warning restore CA1707
