using System.Globalization;
using UffdActors.Abi;
using UffdActors.Linux.Needs;

namespace UffdActors.Linux.Userfaultfd;

/// <summary>By which ways this process may open a userfaultfd, and what to say if it may not.</summary>
internal static class UffdAccess
{
    /// <summary>What a probe that succeeded reports.</summary>
    public const string Ok = "ok";

    /// <summary>Tries every way to a userfaultfd.</summary>
    public static AccessFacts Read()
    {
        Confinement confinement = Confinement.Read();
        int? sysctl =
            int.TryParse(UnprivilegedSysctl(), NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : null;
        return new AccessFacts(
            confinement.User,
            confinement.Has(Capability.SysPtrace),
            sysctl,
            Open(UffdOpenPath.Syscall, UffdOpenFlags.CloseOnExec),
            Open(UffdOpenPath.Device, UffdOpenFlags.CloseOnExec),
            Open(UffdOpenPath.Syscall, UffdOpenFlags.CloseOnExec | UffdOpenFlags.UserModeOnly))
        {
            Confinement = confinement,
        };
    }

    /// <summary>Why a userfaultfd could not be opened, in the words of the report.</summary>
    public static UnsupportedMachineException Refused(Errno error)
    {
        AccessFacts access = Read();
        NeedAnswer answer = access.UserModeOnly == Ok
            ? MachineFinding.KernelFaults(canOpen: true, access)
            : MachineFinding.Userfaultfd(canOpen: false, access);
        return new UnsupportedMachineException(
            MachineNeed.Userfaultfd, $"userfaultfd cannot be opened ({error}).", answer, "userfaultfd", error);
    }

    /// <summary>What to say of a userfaultfd that could be opened for faults of user mode only.</summary>
    public static string UserModeOnlyNotice()
    {
        NeedAnswer answer = MachineFinding.KernelFaults(canOpen: true, Read());
        return "userfaultfd is opened for user-mode faults only; system calls and KVM that touch a missing page get EFAULT. "
            + (answer.Cause is { } cause ? cause + " " : "") + (answer.Remedy ?? Remedies.Of(MachineNeed.KernelFaults));
    }

    private static string Open(UffdOpenPath path, UffdOpenFlags flags)
    {
        using UffdDescriptor? descriptor = UffdDescriptor.TryOpen(path, flags, out Errno error);
        return descriptor is null ? Text(error) : Ok;
    }

    /// <summary>"ok", or the name of an errno.</summary>
    public static string Text(Errno error) => error == Errno.None ? Ok : error.ToString();

    private static string? UnprivilegedSysctl()
    {
        try
        {
            return File.ReadAllText("/proc/sys/vm/unprivileged_userfaultfd").TrimEnd();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
