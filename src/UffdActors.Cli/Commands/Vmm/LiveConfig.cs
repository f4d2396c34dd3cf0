using Akka.Configuration;
using UffdActors.Configuration;

namespace UffdActors.Cli.Commands.Vmm;

/// <summary>The configuration of a command whose guests are KVM's: always of the live world.</summary>
internal static class LiveConfig
{
    /// <summary>The live world over a file.</summary>
    /// <param name="path">HOCON; null for none.</param>
    public static Config Of(string? path)
    {
        Config live = ConfigurationFactory.ParseString("uffd.world = live");
        Config file = path is null ? Config.Empty : ConfigFile.Read(path);
        return file.IsEmpty ? live : live.WithFallback(file);
    }
}
