using UffdActors.Linux;
using UffdActors.Linux.Live;
using UffdActors.Linux.Machine;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Model.Memory;

namespace UffdActors.Bench.Live;

/// <summary>The baseline of the background push: a thread that only fills a whole guest, chunk after chunk.</summary>
internal static class ChunkRate
{
    /// <summary>Fills a guest of its own.</summary>
    /// <returns>Pages a second, and the time that each chunk has taken, in nanoseconds and in order of length.</returns>
    /// <exception cref="SyscallException">The kernel refuses a call.</exception>
    public static (double PagesPerSecond, long[] Chunks) Measure(LiveBenchOptions options, LiveCpus cpus, BytePages image)
    {
        (double, long[]) rate = (0, []);
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

    private static (double PagesPerSecond, long[] Chunks) Fill(LiveBenchOptions options, BytePages image)
    {
        bool minor = options.Mode == BenchMode.Minor;
        using LiveMemory memory = LiveMemory.Map(RingGuest.RegionOf(options));
        if (minor) memory.Fill(image.Address);
        using UffdDescriptor uffd = UffdDescriptor.Open(new UffdOpenOptions { AllowUserModeOnly = true });
        Check("ioctl(UFFDIO_API)", uffd.Handshake(UffdFeatures.None, out _));
        Check("ioctl(UFFDIO_REGISTER)",
            uffd.Register(memory.Guest.Address, memory.Guest.Bytes, minor ? RegisterModes.Minor : RegisterModes.Missing, out _));
        long chunk = (long)options.ChunkPages << PageSize.BaseShift;
        List<long> chunks = new(options.Pages / options.ChunkPages + 1);
        long begun = Dispatch.MonotonicClock.Nanoseconds;
        long last = begun;
        for (long offset = 0; offset < memory.Guest.Bytes; offset += chunk)
        {
            long bytes = Math.Min(chunk, memory.Guest.Bytes - offset);
            ulong address = memory.Guest.Address + (ulong)offset;
            IoctlResult result = minor ? uffd.Continue(address, bytes) : uffd.Copy(address, (ulong)image.Address + (ulong)offset, bytes);
            if (!result.IsDone || result.Progress != bytes) throw new SyscallException($"ioctl(fill of {bytes} bytes)", result.Error);
            long now = Dispatch.MonotonicClock.Nanoseconds;
            chunks.Add(now - last);
            last = now;
        }

        return (options.Pages / ((last - begun) / 1e9), [.. chunks.Order()]);
    }

    private static void Check(string call, Errno error)
    {
        if (error != Errno.None) throw new SyscallException(call, error);
    }
}
