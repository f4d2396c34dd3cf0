using System.CommandLine;
using Akka.Configuration;
using UffdActors.Cli.Hosting;
using UffdActors.Configuration;
using UffdActors.Model;

namespace UffdActors.Cli.Options;

/// <summary>The options of every command that starts a runtime: configuration, dispatcher, kernel.</summary>
internal sealed class RuntimeOptions
{
    /// <summary>Name of the option for the configuration, in every command that has it.</summary>
    public const string ConfigName = "--config";

    private readonly Option<string?> _config =
        TypedOptions.Text(ConfigName, "FILE", "HOCON over the reference configuration (hocon/reference.conf).");
    private readonly Option<Named<string>?> _dispatcher = TypedOptions.OneOf(
        "--dispatcher", "Dispatcher of the ring, over what the configuration says.", "fault-loop", "parallel", "stepped");

    private readonly Option<Named<string>?> _world = TypedOptions.OneOf(
        "--world", "What VMs run on, over what the configuration says: a machine of the model, or the kernel of this one.", "model",
        "live");

    private readonly Option<Named<KernelProfile>?> _profile = TypedOptions.OneOf<KernelProfile>(
        "--profile", "Kernel that the model is, over what the configuration says.",
        [.. KernelProfile.All.Select(p => new Named<KernelProfile>(p.Name, p))]);

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_config);
        command.Options.Add(_dispatcher);
        command.Options.Add(_profile);
        command.Options.Add(_world);
    }

    /// <summary>The kernel that is asked for; null for the configured one.</summary>
    public KernelProfile? Profile(ParseResult result) => result.GetValue(_profile)?.Value;

    /// <summary>True if VMs run on the kernel of this machine.</summary>
    public static bool IsLive(Config? config) => UffdSettings.Load(config).World == "live";

    /// <summary>The configuration for what there is in the live world only: that is the world if none is asked for.</summary>
    /// <param name="result">The command line.</param>
    /// <param name="what">What needs it.</param>
    /// <exception cref="UffdConfigurationException">The file cannot be used.</exception>
    /// <exception cref="CommandException">The model is asked for.</exception>
    public Config Live(ParseResult result, string what)
    {
        Config? config = Configuration(result);
        if (result.GetValue(_world) is { Name: "model" })
            throw CommandException.BadInput($"--world model: {what} runs on the kernel of this machine; use --world live.");
        Config live = ConfigurationFactory.ParseString("uffd.world = live");
        return config is null ? live : live.WithFallback(config);
    }

    /// <summary>The configuration that is asked for; null for the reference alone.</summary>
    /// <exception cref="UffdConfigurationException">The file cannot be used.</exception>
    /// <exception cref="CommandException">A profile is asked for where the kernel is the real one.</exception>
    public Config? Configuration(ParseResult result)
    {
        Config? file = result.GetValue(_config) is { } path ? ConfigFile.Read(path) : null;
        Config choice = result.GetValue(_world) is { } world ? ConfigurationFactory.ParseString($"uffd.world = {world}") : Config.Empty;
        if (result.GetValue(_dispatcher) is { } dispatcher) choice = choice.WithFallback(UffdSettings.Profile(dispatcher.Name));
        if (file is not null) choice = choice.WithFallback(file);
        Config? config = choice.IsEmpty ? null : choice;
        if (result.GetValue(_profile) is { } profile && IsLive(config))
            throw CommandException.BadInput(
                $"--profile {profile} means nothing with uffd.world = live: this kernel is what it is; leave it out, or use "
                + "--world model.");
        return config;
    }
}
