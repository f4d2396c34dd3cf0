using UffdActors.Kvm.Native;
using UffdActors.Linux;
using UffdActors.Linux.Needs;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Kvm.Tests;

/// <summary>
/// The condition of every test with a machine: KVM and a userfaultfd. Elsewhere the test is reported as skipped, with the reason; where
/// <c>UFFD_LIVE=require</c> and there is a <c>/dev/kvm</c> that can be opened, a skip is a failure.
/// </summary>
internal static class ThisKvm
{
    private static readonly Lazy<string?> Missing = new(Probe);

    /// <summary>Skips the test unless machines can be made here.</summary>
    public static void Require()
    {
        ThisKernel.Require();
        Skip.If(Missing.Value is not null, Missing.Value);
    }

    private static string? Probe()
    {
        try
        {
            using KvmHandle device = KvmHandle.OpenDevice();
            using KvmHandle vm = device.Create(KvmIoctl.KVM_CREATE_VM, 0, "KVM_CREATE_VM");
            return null;
        }
        catch (Exception e) when (e is UnsupportedMachineException or SyscallException)
        {
            return e.Message;
        }
    }
}
