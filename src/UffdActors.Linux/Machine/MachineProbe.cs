using System.Globalization;
using System.IO.Compression;
using System.Runtime.InteropServices;
using UffdActors.Linux.Native;
using UffdActors.Linux.Needs;
using UffdActors.Linux.Userfaultfd;

namespace UffdActors.Linux.Machine;

/// <summary>Asks the machine for its <see cref="MachineReport"/>.</summary>
internal static class MachineProbe
{
    private static readonly string[] ConfigOptions =
    [
        "CONFIG_USERFAULTFD", "CONFIG_PTE_MARKER_UFFD_WP", "CONFIG_HAVE_ARCH_USERFAULTFD_WP", "CONFIG_HAVE_ARCH_USERFAULTFD_MINOR",
        "CONFIG_MEMORY_FAILURE",
        "CONFIG_HUGETLBFS", "CONFIG_TRANSPARENT_HUGEPAGE", "CONFIG_SWAP", "CONFIG_PROC_PAGE_MONITOR", "CONFIG_KVM",
        "CONFIG_KVM_GUEST_MEMFD", "CONFIG_PER_VMA_LOCK",
    ];

    public static MachineReport Run()
    {
        UffdFeatures? offered = UffdProbe.OfferedFeatures(out Errno handshake);
        AccessFacts access = UffdAccess.Read() with { Handshake = UffdAccess.Text(handshake) };
        KvmFacts kvm = ReadKvm();
        MemoryFacts memory = ReadMemory();
        CpuFacts cpus = ReadCpus();
        IReadOnlyList<RegisterFact> registers = offered is null
            ? []
            : RegisterSurvey.Run(memory.HugePagesFree - memory.HugePagesReserved > 0);
        return new MachineReport
        {
            Kernel = ReadKernel(),
            Access = access,
            Features = offered is { } features ? NamesOf(features) : [],
            Registers = registers,
            Memory = memory,
            Kvm = kvm,
            Cpus = cpus,
            Findings = MachineFinding.All(offered is not null, access, registers, memory, kvm, cpus),
        };
    }

    /// <summary>Names of the bits of a word.</summary>
    public static IReadOnlyList<string> NamesOf<T>(T word)
        where T : struct, Enum
    {
        ulong bits = Convert.ToUInt64(word, CultureInfo.InvariantCulture);
        return [
            .. Enum.GetValues<T>().Where(v => System.Numerics.BitOperations.PopCount(Raw(v)) == 1 && (bits & Raw(v)) != 0)
                .Select(v => v.ToString())];

        static ulong Raw(T value) => Convert.ToUInt64(value, CultureInfo.InvariantCulture);
    }

    /// <summary>As <c>uname -r</c> prints it.</summary>
    public static string KernelRelease() => FirstLine("/proc/sys/kernel/osrelease") ?? "unknown";

    private static KernelFacts ReadKernel()
    {
        SortedDictionary<string, string> config = new(StringComparer.Ordinal);
        if (File.Exists("/proc/config.gz"))
        {
            using StreamReader reader = new(new GZipStream(File.OpenRead("/proc/config.gz"), CompressionMode.Decompress));
            foreach (string option in ConfigOptions) config[option] = "n";
            while (reader.ReadLine() is { } line)
            {
                int equals = line.IndexOf('=', StringComparison.Ordinal);
                if (equals > 0 && config.ContainsKey(line[..equals])) config[line[..equals]] = line[(equals + 1)..];
            }
        }

        return new KernelFacts(KernelRelease(), RuntimeInformation.OSArchitecture.ToString(), config);
    }

    /// <summary>True if there is swap space.</summary>
    public static bool HasSwap => ReadMeminfo().GetValueOrDefault("SwapTotal") > 0;

    // As the kernel gives it: KiB, or pages.
    private static Dictionary<string, long> ReadMeminfo()
    {
        Dictionary<string, long> memory = [];
        foreach (string line in Lines("/proc/meminfo"))
        {
            string[] parts = line.Split([':', ' '], StringSplitOptions.RemoveEmptyEntries);
            memory[parts[0]] = long.Parse(parts[1], CultureInfo.InvariantCulture);
        }

        return memory;
    }

    private static MemoryFacts ReadMemory()
    {
        const long KibPerMib = 1024;
        Dictionary<string, long> memory = ReadMeminfo();
        return new MemoryFacts(
            memory.GetValueOrDefault("MemTotal") / KibPerMib,
            memory.GetValueOrDefault("MemAvailable") / KibPerMib,
            memory.GetValueOrDefault("SwapTotal") / KibPerMib,
            memory.GetValueOrDefault("Hugepagesize") * KibPerMib,
            memory.GetValueOrDefault("HugePages_Total"),
            memory.GetValueOrDefault("HugePages_Free"),
            memory.GetValueOrDefault("HugePages_Rsvd"),
            Chosen("/sys/kernel/mm/transparent_hugepage/enabled"),
            Chosen("/sys/kernel/mm/transparent_hugepage/shmem_enabled"),
            File.Exists("/proc/sys/vm/memory_failure_recovery"),
            MemoryProbe.MeasureBytes(),
            MemoryProbe.PagemapScanAnswer());
    }

    private static KvmFacts ReadKvm()
    {
        using FileHandle? device = FileHandle.TryOpen("/dev/kvm", Fd.O_RDWR, out Errno error);
        bool inKernel = Lines("/proc/misc").Any(l => l.EndsWith(" kvm", StringComparison.Ordinal));
        if (device is null) return new KvmFacts(UffdAccess.Text(error), 0, false, 0) { InKernel = inKernel };
        using LinuxHandle.Lease lease = device.Use();
        int version = Libc.Ioctl(lease.Number, Kvm.KVM_GET_API_VERSION, (nuint)0);
        if (version < 0)
            return new KvmFacts(UffdAccess.Ok, 0, false, 0) { Answer = UffdAccess.Text(Libc.LastError), InKernel = inKernel };
        return new KvmFacts(
            UffdAccess.Ok,
            version,
            Libc.Ioctl(lease.Number, Kvm.KVM_CHECK_EXTENSION, Kvm.KVM_CAP_GUEST_MEMFD) > 0,
            Math.Max(0, Libc.Ioctl(lease.Number, Kvm.KVM_CHECK_EXTENSION, Kvm.KVM_CAP_GUEST_MEMFD_FLAGS)))
        {
            InKernel = inKernel,
        };
    }

    private static CpuFacts ReadCpus()
    {
        string realTime = UffdAccess.Ok;
        // On a thread of its own, so that the priority ends with the thread.
        Thread thread = new(() =>
        {
            try
            {
                ThreadPlacement.SetRealTimePriority(1);
            }
            catch (UnsupportedMachineException e)
            {
                realTime = UffdAccess.Text(e.Error);
            }
        });
        thread.Start();
        thread.Join();
        bool hasWaitChannels = HasWaitChannels(out string asked);
        return new CpuFacts(FirstLine("/sys/devices/system/cpu/online") ?? "unknown", AllowedCpus(), realTime, hasWaitChannels)
        {
            WaitChannelsAsked = asked,
        };
    }

    // A call that is denied to the probe must not fail the whole report.
    private static int[] AllowedCpus()
    {
        try
        {
            return ThreadPlacement.AllowedCpus();
        }
        catch (SyscallException)
        {
            return [.. Enumerable.Range(0, Environment.ProcessorCount)];
        }
    }

    private static bool HasWaitChannels(out string asked)
    {
        asked = UffdAccess.Ok;
        try
        {
            return ShowsWaitChannel();
        }
        catch (SyscallException e)
        {
            asked = $"{e.Call} gives {e.Error}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            asked = e.Message;
        }

        return false;
    }

    // Long enough for a thread that gets no CPU for a while; normally it is asleep at once.
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    // The thread may be seen asleep before it is in poll, and be awake again when wchan is read; so wchan is read several times.
    private const int LooksAtSleeper = 100;

    private static bool ShowsWaitChannel()
    {
        using Waiting.PollSet poll = new();
        using Waiting.EventSignal stop = new();
        poll.Add(stop.Handle, 0);
        using ManualResetEventSlim started = new();
        int id = 0;
        SyscallException? refused = null;
        Thread sleeper = new(() =>
        {
            id = ThreadPlacement.ThreadId;
            started.Set();
            try
            {
                while (poll.WaitReadable(new ulong[1], Timeout.InfiniteTimeSpan) == 0)
                {
                    // A signal interrupted the wait: wait again.
                }
            }
            catch (SyscallException e)
            {
                // Then nothing sleeps, and nothing is named.
                refused = e;
            }
        });
        sleeper.Start();
        started.Wait();
        string path = string.Create(CultureInfo.InvariantCulture, $"/proc/self/task/{id}/wchan");
        // wchan is 0 until the thread sleeps; where the kernel does not name functions, it stays 0.
        long begun = System.Diagnostics.Stopwatch.GetTimestamp();
        string state = string.Create(CultureInfo.InvariantCulture, $"/proc/self/task/{id}/stat");
        int asleep = 0;
        string where = "0";
        try
        {
            while (where.Length <= 1 && asleep < LooksAtSleeper && System.Diagnostics.Stopwatch.GetElapsedTime(begun) < LongestWait)
            {
                _ = Thread.Yield();
                asleep = File.ReadAllText(state).Contains(") S ", StringComparison.Ordinal) ? asleep + 1 : 0;
                where = File.ReadAllText(path);
            }
        }
        finally
        {
            stop.Set();
            sleeper.Join();
        }

        return refused is null ? where.Length > 1 : throw refused;
    }

    private static string? FirstLine(string path) => Lines(path).FirstOrDefault();

    private static string[] Lines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    // "always [madvise] never"
    private static string Chosen(string path)
    {
        string line = FirstLine(path) ?? "";
        int open = line.IndexOf('[', StringComparison.Ordinal);
        int close = line.IndexOf(']', StringComparison.Ordinal);
        return open < 0 || close < open ? "none" : line[(open + 1)..close];
    }
}
