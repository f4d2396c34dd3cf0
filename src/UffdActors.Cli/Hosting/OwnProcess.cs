using System.Diagnostics;

namespace UffdActors.Cli.Hosting;

/// <summary>How this program starts itself again, whether it runs as <c>uffd</c>, under <c>dotnet</c>, or inside a test host.</summary>
internal static class OwnProcess
{
    private const string Diagnostics = "DOTNET_EnableDiagnostics";

    /// <summary>
    /// A process of this program with other arguments. It offers debuggers and profilers no socket, unless the environment asks for it:
    /// a process that is killed would leave the socket's file behind.
    /// </summary>
    public static ProcessStartInfo With(params IReadOnlyList<string> arguments)
    {
        ProcessStartInfo start = Named(arguments);
        _ = start.Environment.TryAdd(Diagnostics, "0");
        TemporaryFolder.EntrustTo(start);
        return start;
    }

    private static ProcessStartInfo Named(IReadOnlyList<string> arguments)
    {
        string program = Environment.ProcessPath!;
        if (Path.GetFileNameWithoutExtension(program) == "uffd") return new ProcessStartInfo(program, arguments);
        string beside = Path.Combine(AppContext.BaseDirectory, "uffd");
        return File.Exists(beside)
            ? new ProcessStartInfo(beside, arguments)
            : new ProcessStartInfo(program, [beside + ".dll", .. arguments]);
    }
}
