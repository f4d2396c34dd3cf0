using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using UffdActors.Linux.Needs;

namespace UffdActors.Testing.ThisMachine;

/// <summary>
/// Huge pages for tests, taken out of the machine's memory for as long as this lives. Where that is refused, tests are skipped with the
/// reason.
/// </summary>
/// <remarks>
/// The pool is the whole machine's, and test processes run at the same time: each waits for its turn at a lock on the pool's folder, which
/// goes with the process that holds it. What was added is taken away again by a child that waits for the end of its input, so that it
/// happens however this process ends; and as a difference, so that what others have done to the pool meanwhile stays done.
/// </remarks>
public sealed class HugePages : IDisposable
{
    /// <summary>Pages that are free and promised to nobody, at the least.</summary>
    public const int Count = 16;

    private const string Pool = "/sys/kernel/mm/hugepages/hugepages-2048kB";
    private const int Exclusive = 2;
    private const int CloseOnExec = 0x80000;
    private readonly int _lock = -1;
    private readonly Process? _giveBack;
    private readonly string? _missing;

    /// <summary>Waits for the pool, and adds to it what is lacking.</summary>
    public HugePages()
    {
        if (!Directory.Exists(Pool))
        {
            _missing = "this kernel has no huge pages of 2 MiB.";
            return;
        }

        // Not for children: a daemon that outlives its test would keep the lock, and every other test process would wait for it.
        _lock = Open(Encoding.UTF8.GetBytes(Pool + "\0"), CloseOnExec);
        Assert.True(_lock >= 0 && Lock(_lock, Exclusive) == 0, $"{Pool} cannot be locked.");
        long lacking = Count - Available();
        if (lacking <= 0) return;
        if (!Environment.IsPrivilegedProcess)
        {
            _missing = $"only {Available()} huge pages are available, and only root may add some. {Remedies.Of(MachineNeed.HugePages)}";
            return;
        }

        // Surplus pages count in nr_hugepages, but go by themselves; and the first pages that are added only take their place.
        long added = lacking + Read("surplus_hugepages");
        const string Persistent = $"$(cat {Pool}/nr_hugepages) - $(cat {Pool}/surplus_hugepages)";
        string script = string.Create(
            CultureInfo.InvariantCulture,
            $"echo $(({Persistent} + {added})) > {Pool}/nr_hugepages; echo; cat > /dev/null; echo $(({Persistent} - {added})) > "
                + $"{Pool}/nr_hugepages");
        _giveBack = Process.Start(
            new ProcessStartInfo("/bin/sh", ["-c", script]) { RedirectStandardInput = true, RedirectStandardOutput = true });
        _ = _giveBack!.StandardOutput.ReadLine();
        if (Available() < Count) _missing = $"the kernel could make only {Available()} huge pages available.";
    }

    /// <summary>Skips the test, or fails it where root could have run it, unless there are huge pages.</summary>
    public void Require()
    {
        ThisKernel.Require();
        if (_missing is null) return;
        if (Environment.IsPrivilegedProcess && Directory.Exists(Pool)) ThisKernel.Require(_missing);
        Skip.If(true, _missing);
    }

    /// <inheritdoc />
    public void Dispose()
    {
        if (_giveBack is { } child)
        {
            child.StandardInput.Close();
            child.WaitForExit();
            child.Dispose();
        }

        if (_lock >= 0) _ = Close(_lock);
    }

    private static long Available() => Read("free_hugepages") - Read("resv_hugepages");

    private static long Read(string name) => long.Parse(File.ReadAllText($"{Pool}/{name}"), CultureInfo.InvariantCulture);

    [DllImport("libc", EntryPoint = "open")]
    private static extern int Open(byte[] path, int flags);

    [DllImport("libc", EntryPoint = "flock")]
    private static extern int Lock(int descriptor, int operation);

    [DllImport("libc", EntryPoint = "close")]
    private static extern int Close(int descriptor);
}
