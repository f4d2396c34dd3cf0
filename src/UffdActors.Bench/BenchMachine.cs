using System.Runtime.InteropServices;

namespace UffdActors.Bench;

/// <summary>Where figures come from.</summary>
/// <param name="Processors">CPUs that the process may use.</param>
/// <param name="Runtime">.NET runtime.</param>
/// <param name="System">Operating system.</param>
/// <param name="ServerGc">The garbage collector's mode.</param>
internal sealed record BenchMachine(int Processors, string Runtime, string System, bool ServerGc)
{
    internal static BenchMachine Current() => new(
        Environment.ProcessorCount,
        RuntimeInformation.FrameworkDescription,
        $"{RuntimeInformation.OSDescription} {RuntimeInformation.OSArchitecture}",
        global::System.Runtime.GCSettings.IsServerGC);
}
