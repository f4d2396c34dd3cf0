using System.CommandLine;
using Akka.Configuration;
using UffdActors.Configuration;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Options;

/// <summary>The options of every command that serves KVM guests and waits for their end: always in the live world.</summary>
/// <param name="guests">Whose end it is, for the help: "the guest" or "the guests".</param>
/// <param name="deadline">How long they may run by default.</param>
internal sealed class KvmServingOptions(string guests, TimeSpan deadline)
{
    private readonly Option<int> _handlers = TypedOptions.Number(
        "--handlers", "N", "Handlers that share the userfaultfd of a guest.", 1, 1, PostCopyMigration.MaxHandlers);

    private readonly Option<Named<Func<IPrefetchOrder?>>> _prefetch = TypedOptions.Choice<Func<IPrefetchOrder?>>(
        "--prefetch",
        "Which pages are fetched beside demand.",
        "none",
        [
            new("none", () => null), new("linear", () => IPrefetchOrder.Linear()), new("locality", () => IPrefetchOrder.Locality()),
            new("bubble", () => IPrefetchOrder.Bubble()),
        ]);

    private readonly Option<TimeSpan> _deadline = TypedOptions.Duration(
        "--deadline", $"How long {guests} may run before the run is stopped and has failed.", deadline);

    private readonly Option<string?> _config =
        TypedOptions.Text(RuntimeOptions.ConfigName, "FILE", "HOCON over the reference configuration (hocon/reference.conf).");

    /// <summary>Adds the options to a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="hasPrefetch">True if pages are fetched beside demand.</param>
    public void AddTo(Command command, bool hasPrefetch)
    {
        command.Options.Add(_handlers);
        if (hasPrefetch) command.Options.Add(_prefetch);
        command.Options.Add(_deadline);
        command.Options.Add(_config);
    }

    /// <summary>How many handlers share a userfaultfd.</summary>
    public int Handlers(ParseResult arguments) => arguments.GetValue(_handlers);

    /// <summary>How long guests may run.</summary>
    public TimeSpan Deadline(ParseResult arguments) => arguments.GetValue(_deadline);

    /// <summary>What is fetched beside demand; null for nothing.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="recorded">A working set that comes first; null for none.</param>
    public PrefetchOptions? Prefetch(ParseResult arguments, WorkingSet? recorded = null)
    {
        IPrefetchOrder? order = arguments.GetValue(_prefetch)!.Value();
        if (recorded is not null) order = IPrefetchOrder.Recorded(recorded, order);
        return order is null ? null : new PrefetchOptions { Order = order };
    }

    /// <summary>The live world over the configuration that is asked for.</summary>
    /// <exception cref="UffdConfigurationException">The file cannot be used.</exception>
    public Config Configuration(ParseResult arguments)
    {
        Config live = ConfigurationFactory.ParseString("uffd.world = live");
        Config file = arguments.GetValue(_config) is { } path ? ConfigFile.Read(path) : Config.Empty;
        return file.IsEmpty ? live : live.WithFallback(file);
    }
}
