using System.Diagnostics;
using System.Reflection;

namespace UffdActors.Linux.Watching;

/// <summary>How the program of this process is started once more: by the same .NET, with the same libraries.</summary>
internal static class ThisProgram
{
    // Options of the host that take a value; what comes behind them is the program.
    private static readonly string[] HostOptions =
        ["--depsfile", "--runtimeconfig", "--additionalprobingpath", "--fx-version", "--roll-forward", "--additional-deps"];

    /// <summary>This program with other arguments; null if this process is not a .NET program, but one that has loaded .NET.</summary>
    public static ProcessStartInfo? Again(IReadOnlyList<string> arguments)
    {
        if (Assembly.GetEntryAssembly() is null || Environment.ProcessPath is not { } path) return null;
        string[] commandLine = File.ReadAllText("/proc/self/cmdline").Split('\0', StringSplitOptions.RemoveEmptyEntries);
        return new ProcessStartInfo(path, [.. OfHost(path, commandLine, Environment.GetCommandLineArgs()[0]), .. arguments]);
    }

    /// <summary>What stands between the file that is started and the arguments of the program.</summary>
    /// <param name="path">The file.</param>
    /// <param name="commandLine">The command line of this process.</param>
    /// <param name="program">The program's assembly, as the host knows it.</param>
    /// <returns>Nothing for a program with a file of its own; under <c>dotnet</c>, its options and the assembly.</returns>
    internal static IReadOnlyList<string> OfHost(string path, IReadOnlyList<string> commandLine, string program)
    {
        if (Path.GetFileNameWithoutExtension(path) != "dotnet") return [];
        List<string> words = ["exec"];
        int at = commandLine is [_, "exec", ..] ? 2 : 1;
        for (; at + 1 < commandLine.Count && HostOptions.Contains(commandLine[at]); at += 2)
            words.AddRange(commandLine[at], commandLine[at + 1]);
        return [.. words, program];
    }
}
