namespace UffdActors.Linux.Machine;

/// <summary>The kernel.</summary>
/// <param name="Release">As <c>uname -r</c> prints it.</param>
/// <param name="Architecture">Processor architecture.</param>
/// <param name="Config">Options of the configuration that matter here, if <c>/proc/config.gz</c> shows them.</param>
internal sealed record KernelFacts(string Release, string Architecture, IReadOnlyDictionary<string, string> Config);
