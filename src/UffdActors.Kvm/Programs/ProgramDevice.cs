using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using UffdActors.Model.Operations.Maps;

namespace UffdActors.Kvm.Programs;

/// <summary>
/// The devices of the guest programs: a console, the MMIO page for results, and the balloon. Safe for any thread.
/// </summary>
/// <param name="plan">The guest.</param>
/// <param name="vm">Machine of its memory.</param>
/// <param name="memory">Its memory.</param>
internal sealed class ProgramDevice(GuestPlan plan, UffdVm vm, GuestRegion memory) : IKvmDevice
{
    private readonly ulong[] _reported = new ulong[plan.Vcpus];
    private readonly StringBuilder _console = new();
    private long _givenBack;

    /// <summary>What the guest has written on its console.</summary>
    public string Console
    {
        get
        {
            lock (_console) return _console.ToString();
        }
    }

    /// <summary>Checksums that the vCPUs have reported, by number; 0 for none yet.</summary>
    public IReadOnlyList<ulong> Reported => _reported;

    /// <summary>Pages that the guest has given back.</summary>
    public long GivenBack => Interlocked.Read(ref _givenBack);

    /// <inheritdoc />
    public bool TryOut(int vcpu, ushort port, ReadOnlySpan<byte> data)
    {
        switch (port)
        {
            case GuestPlan.ConsolePort:
                lock (_console) _ = _console.Append((char)data[0]);
                return true;
            case GuestPlan.BalloonPort:
                GiveBack(BinaryPrimitives.ReadUInt32LittleEndian(data));
                return true;
            default:
                return false;
        }
    }

    /// <inheritdoc />
    public bool TryWrite(int vcpu, ulong address, ReadOnlySpan<byte> data)
    {
        if (address < GuestPlan.Report || address >= GuestPlan.Report + (8 * (ulong)plan.Vcpus) || data.Length != 8) return false;
        Volatile.Write(ref _reported[(address - GuestPlan.Report) / 8], BinaryPrimitives.ReadUInt64LittleEndian(data));
        return true;
    }

    // The page number comes from the guest, so it is checked.
    private void GiveBack(long page)
    {
        if (page < plan.BootPages || page >= memory.Pages)
            throw new InvalidOperationException(
                string.Create(CultureInfo.InvariantCulture, $"the guest gave page {page} back, which is none of its data"));
        // The vCPU stays in its exit until the page is freed: the guest's next access relies on that.
        vm.AdviseAsync(memory, page, 1, memory.Module is null ? Advice.DontNeed : Advice.Remove).GetAwaiter().GetResult();
        _ = Interlocked.Increment(ref _givenBack);
    }
}
