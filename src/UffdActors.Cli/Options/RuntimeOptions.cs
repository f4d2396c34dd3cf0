using System.CommandLine;
using Akka.Configuration;
using UffdActors.Model;

namespace UffdActors.Cli.Options;

/// <summary>The options of every command that starts a runtime: configuration, dispatcher, kernel.</summary>
internal sealed class RuntimeOptions
{
    private readonly Option<string?> _config = TypedOptions.Text("--config", "FILE", "HOCON over the reference configuration (hocon/reference.conf).");
    private readonly Option<Named<string>?> _dispatcher = TypedOptions.OneOf(
        "--dispatcher", "Dispatcher of the ring, over what the configuration says.", "fault-loop", "parallel", "stepped");

    private readonly Option<Named<string>?> _world = TypedOptions.OneOf(
        "--world", "What VMs run on, over what the configuration says: a machine of the model, or the kernel of this one.", "model", "live");

    private readonly Option<Named<KernelProfile>> _profile = TypedOptions.Choice(
        "--profile", "Kernel that the model is.", KernelProfile.Seed.Name, [.. KernelProfile.All.Select(p => new Named<KernelProfile>(p.Name, p))]);

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_config);
        command.Options.Add(_dispatcher);
        command.Options.Add(_profile);
        command.Options.Add(_world);
    }

    /// <summary>The kernel that is asked for.</summary>
    public KernelProfile Profile(ParseResult result) => result.GetValue(_profile)!.Value;

    /// <summary>The configuration that is asked for; null for the reference alone.</summary>
    /// <exception cref="UffdConfigurationException">The file cannot be used.</exception>
    public Config? Configuration(ParseResult result)
    {
        Config? file = result.GetValue(_config) is { } path ? ConfigFile.Read(path) : null;
        Config choice = result.GetValue(_world) is { } world ? ConfigurationFactory.ParseString($"uffd.world = {world}") : Config.Empty;
        if (result.GetValue(_dispatcher) is { } dispatcher) choice = choice.WithFallback(UffdSettings.Profile(dispatcher.Name));
        if (file is not null) choice = choice.WithFallback(file);
        return choice.IsEmpty ? null : choice;
    }
}
