using System.Globalization;
using UffdActors.Linux.Needs;

namespace UffdActors.Kvm.Machine;

/// <summary>Refuses invalid options before any call of the kernel.</summary>
internal static class MachineOptionCheck
{
    private const string GuestMemfd = "guest-memfd";

    /// <summary>Checks.</summary>
    /// <exception cref="ArgumentException">An option is out of its range, or a slot is not where its pages can be.</exception>
    /// <exception cref="UnsupportedMachineException">The memory is a guest_memfd.</exception>
    public static void Run(KvmMachineOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Vcpus, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Vcpus, KvmMachineOptions.MaxVcpus);
        ArgumentNullException.ThrowIfNull(options.Memory);
        ArgumentNullException.ThrowIfNull(options.Devices);
        if (options.StopTimeout < TimeSpan.Zero)
            throw new ArgumentOutOfRangeException(nameof(options), options.StopTimeout, "StopTimeout: use a time that is not negative.");
        if (options.Memory.Count == 0) throw new ArgumentException("A machine needs memory: name at least one slot.", nameof(options));
        ulong end = 0;
        foreach (KvmSlot slot in options.Memory.OrderBy(s => s.GuestAddress))
        {
            GuestRegion region = slot.Region;
            if (region.Module == GuestMemfd)
                throw new UnsupportedMachineException(
                    MachineNeed.GuestMemfdFaults,
                    $"Region {region.Id} is a guest_memfd, whose absent pages this kernel does not let user space fill, so a guest in it "
                        + "cannot be served; use anonymous memory, shmem or hugetlb.");
            if (slot.GuestAddress % (ulong)region.PageBytes != 0)
                throw new ArgumentException(
                    Text($"Region {region.Id} at 0x{slot.GuestAddress:x}: use a multiple of its page size, {region.PageBytes}."),
                    nameof(options));
            long unit = region.PageBytes >> 12;
            long pages = slot.Pages ?? region.Pages - slot.FirstPage;
            if (slot.FirstPage < 0 || slot.FirstPage % unit != 0 || pages < 1 || pages % unit != 0
                || slot.FirstPage > region.Pages - pages)
                throw new ArgumentException(
                    Text($"Pages {slot.FirstPage} to {slot.FirstPage + pages} of region {region.Id}: it has {region.Pages}, and a slot ")
                        + Text($"has whole pages of its size, {region.PageBytes}."),
                    nameof(options));
            if (slot.GuestAddress > ulong.MaxValue - slot.Bytes || slot.GuestAddress < end)
                throw new ArgumentException(
                    Text($"Region {region.Id} at guest address 0x{slot.GuestAddress:x} lies over another slot, or has no end."),
                    nameof(options));
            end = slot.GuestAddress + slot.Bytes;
        }
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
