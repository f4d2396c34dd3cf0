using System.Collections;
using System.Runtime.InteropServices;

namespace UffdActors.Cli.Hosting;

/// <summary>
/// Both ends of a live migration run without tiered compilation: it is over before the code that .NET compiles first, quickly, has been
/// replaced, and a demand takes half as long again in that. The setting is read when a process starts, so the program is executed once
/// more, as the same process. It starts some 0.3 s later for it.
/// </summary>
internal static class CompiledAtOnce
{
    private const string Setting = "DOTNET_TieredCompilation";

    /// <summary>Executes this program anew where that is wanted, unless the environment says how code is to be compiled.</summary>
    /// <param name="arguments">Arguments of the program.</param>
    public static void Restart(IReadOnlyList<string> arguments)
    {
        if (!IsFor(arguments) || Environment.GetEnvironmentVariable(Setting) is not null || Environment.ProcessPath is not { } path) return;
        string[] words = File.ReadAllText("/proc/self/cmdline").Split('\0')[..^1];
        IEnumerable<string> environment =
            Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(e => $"{e.Key}={e.Value}");
        // Does not return but if it fails: then it runs on as it is.
        _ = Execute(path, [.. words, null], [.. environment, $"{Setting}=0", null]);
    }

    /// <summary>True for an end of a live migration.</summary>
    internal static bool IsFor(IReadOnlyList<string> arguments)
    {
        if (!OperatingSystem.IsLinux() || arguments is not ["migrate", "send" or "receive", ..]) return false;
        for (int i = 2; i < arguments.Count; i++)
        {
            if (arguments[i] is "--world=live" or "--world:live") return true;
            if (arguments[i] == "live" && arguments[i - 1] == "--world") return true;
        }

        return false;
    }

#pragma warning disable SYSLIB1054 // The source-generated form needs unsafe code, which this project does without.
    [DllImport("libc", EntryPoint = "execve")]
    private static extern int Execute(
        string path,
        [MarshalAs(UnmanagedType.LPArray, ArraySubType = UnmanagedType.LPStr)] string?[] arguments,
        [MarshalAs(UnmanagedType.LPArray, ArraySubType = UnmanagedType.LPStr)] string?[] environment);
#pragma warning restore SYSLIB1054
}
