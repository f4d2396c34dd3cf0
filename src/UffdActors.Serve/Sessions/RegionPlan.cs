using UffdActors.Linux.Peers;
using UffdActors.Model.Inputs;
using UffdActors.Model.Memory;

namespace UffdActors.Serve.Sessions;

/// <summary>How the faults of a region are served: by what its VMM has registered, as far as that can be seen.</summary>
/// <remarks>
/// Missing pages are copied in. Where MINOR is registered too, memory is shared, and what its file holds is right: it is only mapped. Where
/// MINOR is registered alone, the content is written to the memory's file, which has to be handed over, and then mapped. Where WP is
/// registered, what is filled comes protected.
/// </remarks>
/// <param name="Region">The region.</param>
/// <param name="Modes">The modes that it is registered in.</param>
/// <param name="Module">What it is made of.</param>
/// <param name="File">The memory's file, if content is to be written to it.</param>
internal sealed record RegionPlan(HandedRegion Region, RegisterModes Modes, string? Module, ReceivedDescriptor? File)
{
    /// <summary>The plans for a guest.</summary>
    /// <exception cref="HandOverException">A region cannot be served as it is registered.</exception>
    public static IReadOnlyList<RegionPlan> Of(HandOver handOver) =>
        [.. handOver.Message.Regions.Select((region, number) => Of(handOver, region, number))];

    /// <summary>The memory as a VM adopts it.</summary>
    public AdoptedMemory Memory() => new()
    {
        Address = Region.Address,
        Pages = Region.Bytes >> PageSize.BaseShift,
        Module = Module,
        IsInOtherProcess = true,
        Descriptor = File?.Copy().Take(),
        DescriptorOffset = File is null ? 0 : Region.FileOffset,
    };

    /// <summary>The plan for a region.</summary>
    /// <exception cref="HandOverException">It cannot be served as it is registered.</exception>
    public static RegionPlan Of(HandOver handOver, HandedRegion region, int number)
    {
        PeerMapping? mapping = handOver.Peer.MappingAt(region.Address, region.Bytes);
        RegisterModes modes = ModesOf(handOver, mapping?.Modes ?? RegisterModes.None);
        bool isShared = mapping?.IsShared ?? handOver.MemoryFile is not null;
        string? module = region.PageBytes == PageSize.Huge ? "hugetlb" : isShared ? "shmem" : null;
        bool isMinorAlone = (modes & (RegisterModes.Missing | RegisterModes.Minor)) == RegisterModes.Minor;
        if (!isMinorAlone) return new RegionPlan(region, modes, module, null);
        ReceivedDescriptor file = handOver.MemoryFile ?? throw new HandOverException(
            $"Region {number} of the layout is registered for MINOR alone, and no file of its memory came along: what the file has not "
                + "got would be read as zeros. Register it for MISSING too, or hand over its memfd as the second descriptor.");
        // A page that is not in the file raises no fault. Where the guest waits for an answer, the file is allocated before that; a guest
        // that has run may have given pages back.
        bool hasRun = handOver.IsTakenBack && number < handOver.RegisteredAs.Length && handOver.RegisteredAs[number] is not null;
        if (!handOver.Message.WantsAnswer && !hasRun && !IsAllocated(file))
            throw new HandOverException(
                $"Region {number} of the layout is registered for MINOR alone, and the file of its memory is not allocated in full: "
                    + "what the guest touches there is read as zeros. Allocate it (fallocate) before, or register it for MISSING too.");
        return new RegionPlan(region, modes, module, file);
    }

    private static bool IsAllocated(ReceivedDescriptor file)
    {
        try
        {
            using InputFile opened = InputFile.Open(FormattableString.Invariant($"/proc/self/fd/{file.Number}"));
            // Pages that were allocated and not written count as holes for lseek(2), and not for a fault.
            return opened.AllocatedBytes >= opened.Length;
        }
        catch (InputFileException e)
        {
            throw new HandOverException($"The file of the memory cannot be looked at: {e.Message}.", e);
        }
    }

    // What the VMM says, what can be seen of it, and what its features mean; a VMM that says nothing and cannot be looked at wants MISSING.
    private static RegisterModes ModesOf(HandOver handOver, RegisterModes seen)
    {
        RegisterModes modes = (seen & (RegisterModes.Missing | RegisterModes.Minor)) == 0 ? seen | handOver.Message.Modes : seen;
        return (handOver.Features & UffdFeatures.WpAsync) != 0 ? modes | RegisterModes.WriteProtect : modes;
    }
}
