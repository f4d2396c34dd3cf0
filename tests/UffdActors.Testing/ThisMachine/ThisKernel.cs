using UffdActors.Abi;
using UffdActors.Linux.Needs;
using UffdActors.Linux.Userfaultfd;

namespace UffdActors.Testing.ThisMachine;

/// <summary>
/// The condition of every test on the real kernel: a userfaultfd can be opened. Elsewhere the test is reported as skipped, with the reason;
/// <c>UFFD_LIVE=require</c> makes that a failure.
/// </summary>
internal static class ThisKernel
{
    private static readonly Lazy<string?> Missing = new(Probe);

    /// <summary>Skips the test, or fails it, unless a userfaultfd can be opened.</summary>
    public static void Require() => Require(Missing.Value);

    /// <summary>Skips the test, or fails it, if there is a reason why it cannot run here.</summary>
    public static void Require(string? missing) => Require(missing, Environment.GetEnvironmentVariable("UFFD_LIVE"));

    /// <summary>The same, for a given value of <c>UFFD_LIVE</c>.</summary>
    public static void Require(string? missing, string? mode)
    {
        if (missing is null) return;
        Assert.False(mode == "require", $"UFFD_LIVE=require, but {missing}");
        Skip.If(true, missing);
    }

    private static string? Probe()
    {
        using UffdDescriptor? descriptor =
            UffdDescriptor.TryOpen(UffdOpenPath.Any, UffdOpenFlags.CloseOnExec | UffdOpenFlags.NonBlock, out Errno error);
        return descriptor is null
            ? $"userfaultfd cannot be opened ({error}). {Remedies.Of(MachineNeed.Userfaultfd)}"
            : null;
    }
}
