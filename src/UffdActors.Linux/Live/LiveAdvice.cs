using UffdActors.Linux.Memory;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.Worlds;

namespace UffdActors.Linux.Live;

/// <summary>madvise on a region: of memory that another process has mapped, process_madvise.</summary>
internal static class LiveAdvice
{
    /// <summary>Makes the call; not in the embedder's turn, because it sleeps until its event has been read.</summary>
    /// <param name="memory">Memory of the region.</param>
    /// <param name="region">The region.</param>
    /// <param name="firstPage">First page of it.</param>
    /// <param name="pages">How many.</param>
    /// <param name="advice">The advice.</param>
    /// <param name="ended">Called when the kernel's call is over, whatever it gave, also if its caller has stopped waiting.</param>
    /// <param name="cancel">Ends the wait, not the call.</param>
    /// <exception cref="UffdException">The kernel refuses.</exception>
    public static async Task MakeAsync(
        LiveMemory memory, GuestRegion region, long firstPage, long pages, Advice advice, Action ended, CancellationToken cancel)
    {
        if (memory.Process is null) _ = memory.Here;
        MemoryAdvice call = advice switch
        {
            Advice.DontNeed => MemoryAdvice.DontNeed,
            Advice.Free => MemoryAdvice.Free,
            Advice.PageOut => MemoryAdvice.PageOut,
            _ => MemoryAdvice.Remove,
        };
        Errno error = await Task.Run(Advise, cancel);
        if (error == Errno.ESRCH && memory.Process?.Process is { } process && ProcessFolder.HasLostItsFirstThread(process))
            throw new UffdException(
                "process_madvise", error,
                $"the first thread of process {process} has ended, and the kernel takes no advice for such a process from outside; have "
                    + "the process advise its memory itself.");
        if (error != Errno.None) throw new UffdException("madvise", error, KernelErrors.ExplainAdvice(advice, error, region));

        Errno Advise()
        {
            try
            {
                long offset = firstPage << PageSize.BaseShift;
                long bytes = pages << PageSize.BaseShift;
                return memory.Process is null ? memory.Guest.Advise(offset, bytes, call) : memory.AdviseElsewhere(offset, bytes, call);
            }
            finally
            {
                ended();
            }
        }
    }
}
