using System.Diagnostics;

namespace UffdActors.Cli.Hosting;

/// <summary>How this program starts itself again, whether it runs as <c>uffd</c>, under <c>dotnet</c>, or inside a test host.</summary>
internal static class OwnProcess
{
    /// <summary>A process of this program with other arguments.</summary>
    public static ProcessStartInfo With(params IReadOnlyList<string> arguments)
    {
        string program = Environment.ProcessPath!;
        if (Path.GetFileNameWithoutExtension(program) == "uffd") return new ProcessStartInfo(program, arguments);
        string beside = Path.Combine(AppContext.BaseDirectory, "uffd");
        return File.Exists(beside)
            ? new ProcessStartInfo(beside, arguments)
            : new ProcessStartInfo(program, [beside + ".dll", .. arguments]);
    }
}
