using System.Runtime.InteropServices;

namespace UffdActors.Cli.Hosting;

/// <summary>
/// How many descriptors this process may have open. .NET keeps one for each assembly that it has loaded, and one that cannot be loaded for
/// want of them ends the process with a stack trace, wherever it was: so it is asked first.
/// </summary>
/// <remarks>
/// Nothing is used here that would have to be loaded: no console, no formatting of the culture's. .NET itself starts with 22 or so; below
/// that its own message is all there is.
/// </remarks>
internal static class DescriptorLimit
{
    /// <summary>
    /// The least that is enough for every command with its default options: with pages, documents and a watchdog they have up to 160 open.
    /// </summary>
    public const int Least = 192;

    private const int OpenFiles = 7; // RLIMIT_NOFILE of x86-64 and arm64.
    private const int StandardError = 2;

    /// <summary>Says so on standard error if there may be too few.</summary>
    /// <returns>False if there may.</returns>
    public static bool IsEnough()
    {
        if (Get(OpenFiles, out Limit limit) != 0 || Refusal(limit.Most) is not { } line) return true;
        line += "\n";
        _ = Write(StandardError, line, line.Length);
        return false;
    }

    /// <summary>What is said of a limit; null if it is enough.</summary>
    internal static string? Refusal(ulong most) => most >= Least
        ? null
        : "uffd: this process may have at most " + most.ToString() + " descriptors open (RLIMIT_NOFILE), and needs up to "
            + Least.ToString() + ": raise it (ulimit -n " + Least.ToString() + "; systemd: LimitNOFILE=; Docker: --ulimit nofile=).";

#pragma warning disable SYSLIB1054 // The source-generated form needs unsafe code, which this project does without.
    [DllImport("libc", EntryPoint = "getrlimit")]
    private static extern int Get(int resource, out Limit limit);

    [DllImport("libc", EntryPoint = "write")]
    private static extern nint Write(int descriptor, [MarshalAs(UnmanagedType.LPStr)] string text, nint bytes);
#pragma warning restore SYSLIB1054

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Limit(ulong Current, ulong Most);
}
