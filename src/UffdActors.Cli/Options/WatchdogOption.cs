using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Akka.Configuration;
using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Options;

/// <summary><c>--watchdog SECONDS[:kill]</c>: the watchdog of live VMs, over what the configuration says.</summary>
internal sealed class WatchdogOption
{
    private const string Name = "--watchdog";
    private const string Kill = ":kill";

    private readonly Option<WatchdogOptions?> _option = new(Name)
    {
        Description = "With --world live: another process reports a fault that is older than this, and with :kill kills this one.",
        HelpName = "SECONDS[:kill]",
        CustomParser = Parse,
    };

    /// <summary>Adds the option to a command.</summary>
    public void AddTo(Command command) => command.Options.Add(_option);

    /// <summary>The configuration with the watchdog that is asked for.</summary>
    /// <exception cref="CommandException">It is asked for in the model.</exception>
    public Config? Over(Config? config, ParseResult result)
    {
        if (result.GetValue(_option) is not { } watchdog) return config;
        if (!RuntimeOptions.IsLive(config))
            throw CommandException.BadInput($"{Name} watches VMs on the kernel of this machine; use --world live, or leave it out.");
        return ConfigurationFactory.ParseString(string.Create(
            CultureInfo.InvariantCulture,
            $"uffd.watchdog {{ deadline = {watchdog.Deadline.TotalMilliseconds:0}ms, policy = "
                + $"{(watchdog.Policy == WatchdogPolicy.Kill ? "kill" : "report")} }}")).WithFallback(config);
    }

    private static WatchdogOptions? Parse(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        bool kills = text.EndsWith(Kill, StringComparison.Ordinal);
        if (DurationText.TryParse(kills ? text[..^Kill.Length] : text, out TimeSpan deadline)
            && deadline >= WatchdogOptions.LeastDeadline && deadline <= TimeSpan.FromDays(1))
        {
            return new WatchdogOptions(deadline, kills ? WatchdogPolicy.Kill : WatchdogPolicy.Report);
        }

        result.AddError(string.Create(
            CultureInfo.InvariantCulture,
            $"{Name} {text}: write seconds from {WatchdogOptions.LeastDeadline.TotalSeconds} to {TimeSpan.FromDays(1).TotalSeconds}, and "
                + $":kill behind them to kill, as in 5, 500ms or 2.5:kill."));
        return null;
    }
}
