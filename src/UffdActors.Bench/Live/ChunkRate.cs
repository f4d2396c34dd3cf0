using UffdActors.Abi;
using UffdActors.Linux;
using UffdActors.Linux.Machine;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Linux.World;
using UffdActors.Model.Memory;

namespace UffdActors.Bench.Live;

/// <summary>What the background push is measured by: a thread that fills a whole guest, chunk after chunk, and does nothing else.</summary>
internal static class ChunkRate
{
    /// <summary>Fills a guest of its own.</summary>
    /// <returns>Pages a second.</returns>
    /// <exception cref="SyscallException">The kernel refuses a call.</exception>
    public static double Measure(LiveBenchOptions options, LiveCpus cpus, BytePages image)
    {
        double rate = 0;
        Exception? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                ThreadPlacement.BindTo(cpus.Loop);
                rate = Fill(options, image);
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        return failure is null ? rate : throw failure;
    }

    private static double Fill(LiveBenchOptions options, BytePages image)
    {
        bool minor = options.Mode == BenchMode.Minor;
        using LiveMemory memory = LiveMemory.Map(RingGuest.RegionOf(options));
        if (minor) memory.Fill(image.Address);
        using UffdDescriptor uffd = UffdDescriptor.Open(new UffdOpenOptions { AllowUserModeOnly = true });
        Check("ioctl(UFFDIO_API)", uffd.Handshake(UffdFeatures.None, out _));
        Check("ioctl(UFFDIO_REGISTER)", uffd.Register(memory.Guest.Address, memory.Guest.Bytes, minor ? RegisterModes.Minor : RegisterModes.Missing, out _));
        long chunk = (long)options.ChunkPages << PageSize.BaseShift;
        long begun = Dispatch.MonotonicClock.Nanoseconds;
        for (long offset = 0; offset < memory.Guest.Bytes; offset += chunk)
        {
            long bytes = Math.Min(chunk, memory.Guest.Bytes - offset);
            ulong address = memory.Guest.Address + (ulong)offset;
            IoctlResult result = minor ? uffd.Continue(address, bytes) : uffd.Copy(address, (ulong)image.Address + (ulong)offset, bytes);
            if (!result.IsDone || result.Progress != bytes) throw new SyscallException($"ioctl(fill of {bytes} bytes)", result.Error);
        }

        return options.Pages / ((Dispatch.MonotonicClock.Nanoseconds - begun) / 1e9);
    }

    private static void Check(string call, Errno error)
    {
        if (error != Errno.None) throw new SyscallException(call, error);
    }
}
