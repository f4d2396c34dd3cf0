using System.Reflection;

namespace UffdActors.Explore.Emit;

/// <summary>What every emitted program has in common: the calls, the threads, the conductor and the verdict (<c>run-head.c</c>).</summary>
internal static class CRuntime
{
    /// <summary>The text, complete C except for the part of the run.</summary>
    public static string Head { get; } = Read();

    private static string Read()
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("emit.run-head.c")!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }
}
