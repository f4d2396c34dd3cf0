using System.Collections.Concurrent;
using UffdActors.Worlds;

namespace UffdActors.Linux.Live;

/// <summary>The memory of all regions that a VM has had, each until the VM ends. Any thread.</summary>
internal sealed class LiveMemories
{
    private readonly ConcurrentDictionary<ulong, LiveMemory> _byAddress = new();
    private readonly ConcurrentBag<LiveMemory> _all = [];

    /// <summary>Takes memory in, and owns it from then on.</summary>
    /// <param name="memory">The memory of a region.</param>
    /// <param name="populate">Whether all of it is to be allocated.</param>
    /// <param name="isNew">It was just mapped, so nothing else has its address.</param>
    /// <exception cref="InvalidOperationException">Its address is that of another region.</exception>
    public async Task<MappedMemory> AddAsync(LiveMemory memory, bool populate, bool isNew)
    {
        _all.Add(memory);
        try
        {
            // mmap may return the address of a region of which at least the start was unmapped, before that is noted here.
            LiveMemory holder = _byAddress.AddOrUpdate(
                memory.Guest.Address, memory, (_, former) => isNew || !former.HoldsAddress ? memory : former);
            if (holder != memory)
                throw new InvalidOperationException($"0x{memory.Guest.Address:x} is the address of another region of this VM.");
            // Allocating all of it may take long, so not in the embedder's turn.
            if (populate) await Task.Run(memory.Populate, CancellationToken.None);
        }
        catch
        {
            memory.Dispose();
            memory.GuestIsUnmapped();
            throw;
        }

        return new MappedMemory(memory.Guest.Address, memory.Alias?.Address ?? 0, memory.Guest.PageBytes, memory);
    }

    /// <summary>The VM has ended: unmaps what is still mapped.</summary>
    public void Free()
    {
        foreach (LiveMemory memory in _all) memory.Dispose();
    }
}
