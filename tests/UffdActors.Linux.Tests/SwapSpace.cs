using System.Diagnostics;
using System.Globalization;
using UffdActors.Linux.Memory;
using UffdActors.Model.Memory;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests;

/// <summary>
/// Swap space for tests: what the machine has, else a zram device of its own for as long as this lives. Where there is neither, tests are
/// skipped with the reason; a machine without zram is no failure even where userfaultfd tests must run.
/// </summary>
/// <remarks>
/// A child that waits for the end of its input takes the device away again, so that it happens however this process ends. The device is one
/// that was added for this process alone.
/// </remarks>
public sealed class SwapSpace : IDisposable
{
    private const string Control = "/sys/class/zram-control";
    private readonly Process? _giveBack;
    private readonly string? _missing;

    /// <summary>Makes it.</summary>
    public SwapSpace()
    {
        if (FreeKib() >= 64 << 10) return;
        if (!Environment.IsPrivilegedProcess || !File.Exists(Control + "/hot_add"))
        {
            _missing = "there is no swap space here, and none can be made: that takes root and zram (modprobe zram).";
            return;
        }

        const string Script = """
            id=$(cat /sys/class/zram-control/hot_add) || exit
            trap '' INT TERM
            echo 128M > /sys/block/zram$id/disksize && mkswap /dev/zram$id > /dev/null && swapon /dev/zram$id && echo ready || echo failed
            cat > /dev/null
            swapoff /dev/zram$id; echo 1 > /sys/block/zram$id/reset; echo $id > /sys/class/zram-control/hot_remove
            """;
        _giveBack = Process.Start(
            new ProcessStartInfo("/bin/sh", ["-c", Script])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            });
        if (_giveBack!.StandardOutput.ReadLine() != "ready") _missing = "swap on a zram device could not be turned on.";
        else if (!PagesOut()) _missing = "MADV_PAGEOUT swaps nothing out here, although there is swap space.";
    }

    /// <summary>Skips the test unless there is swap space.</summary>
    public void Require()
    {
        ThisKernel.Require();
        Skip.If(_missing is not null, _missing);
    }

    /// <inheritdoc />
    public void Dispose()
    {
        if (_giveBack is not { } child) return;
        child.StandardInput.Close();
        child.WaitForExit();
        child.Dispose();
    }

    private static long FreeKib() => File.ReadLines("/proc/meminfo")
        .Where(line => line.StartsWith("SwapFree:", StringComparison.Ordinal))
        .Select(line => long.Parse(line["SwapFree:".Length..^"kB".Length], CultureInfo.InvariantCulture))
        .FirstOrDefault();

    // A memory cgroup may forbid swap.
    private static bool PagesOut()
    {
        using GuestMemory memory = GuestMemory.MapAnonymous(PageSize.Base);
        memory.WriteWord(0, 1);
        if (memory.Advise(0, PageSize.Base, MemoryAdvice.PageOut) != Errno.None) return false;
        using Pagemap pagemap = Pagemap.Open();
        return (pagemap.Read(memory.Address, out _) & PagemapFlags.Swap) != 0;
    }
}

/// <summary>All tests that need swap space, one after the other, and beside no other of the process: swap is the whole machine's.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
#pragma warning disable CA1711 // The name is xunit's own.
public sealed class SwapCollection : ICollectionFixture<SwapSpace>
#pragma warning restore CA1711
{
    /// <summary>Its name.</summary>
    public const string Name = "swap space";
}
