using UffdActors.Kvm.Native;
using UffdActors.Linux;
using UffdActors.Linux.Needs;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Kvm.Tests;

/// <summary>
/// The condition of every test with a machine: KVM and a userfaultfd. Elsewhere the test is reported as skipped, with the reason; where
/// <c>UFFD_LIVE=require</c> and <c>/dev/kvm</c> can be opened, a skip is a failure.
/// </summary>
internal static class ThisKvm
{
    private static readonly Lazy<(string? NoDevice, string? NoMachine)> Missing = new(Probe);

    /// <summary>Skips the test, or fails it, unless machines can be made here.</summary>
    public static void Require()
    {
        ThisKernel.Require();
        Skip.If(Missing.Value.NoDevice is not null, Missing.Value.NoDevice);
        ThisKernel.Require(Missing.Value.NoMachine);
    }

    private static (string? NoDevice, string? NoMachine) Probe()
    {
        try
        {
            using KvmHandle device = KvmHandle.OpenDevice();
            try
            {
                using KvmHandle vm = device.Create(KvmIoctl.KVM_CREATE_VM, 0, "KVM_CREATE_VM");
                return (null, null);
            }
            catch (SyscallException e)
            {
                return (null, e.Message);
            }
        }
        catch (UnsupportedMachineException e)
        {
            return (e.Message, null);
        }
    }
}
