using Akka.Configuration;
using UffdActors.Configuration;

namespace UffdActors;

/// <summary>
/// The watchdog of a live VM: a process of its own that sees a fault go unresolved, also while this process is frozen as a whole. One
/// process watches all VMs of a runtime; each has its own deadline and policy.
/// </summary>
public sealed record WatchdogOptions
{
    /// <summary>The shortest deadline: below it a collection, or a busy machine, would be an alarm.</summary>
    public static readonly TimeSpan LeastDeadline = TimeSpan.FromMilliseconds(100);

    internal const string DeadlineKey = "uffd.watchdog.deadline";

    /// <summary>Makes the options.</summary>
    /// <param name="deadline">
    /// Age from which on a fault is late; at least <see cref="LeastDeadline"/>. Longer than the page source's longest answer.
    /// </param>
    /// <param name="policy">What is done then.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The deadline is shorter than <see cref="LeastDeadline"/>, or there is no such policy.
    /// </exception>
    public WatchdogOptions(TimeSpan deadline, WatchdogPolicy policy = WatchdogPolicy.Report)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(deadline, LeastDeadline);
        OptionRange.Defined(policy, nameof(policy));
        Deadline = deadline;
        Policy = policy;
    }

    /// <summary>Age from which on a fault is late.</summary>
    public TimeSpan Deadline { get; }

    /// <summary>What is done then.</summary>
    public WatchdogPolicy Policy { get; }

    /// <summary>The configured watchdog; null if there is none.</summary>
    /// <exception cref="UffdConfigurationException">The configuration means nothing.</exception>
    internal static WatchdogOptions? Of(Config config)
    {
        const string PolicyKey = "uffd.watchdog.policy";
        string policy = config.GetString(PolicyKey);
        WatchdogPolicy chosen = policy switch
        {
            "report" => WatchdogPolicy.Report,
            "kill" => WatchdogPolicy.Kill,
            _ => throw new UffdConfigurationException($"{PolicyKey} = {policy}: use report or kill."),
        };
        string text = config.GetString(DeadlineKey);
        if (text is "off" or "false") return null;
        TimeSpan deadline;
        try
        {
            deadline = config.GetTimeSpan(DeadlineKey);
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            throw new UffdConfigurationException($"{DeadlineKey} = {text}: use off, or a time as in 5s or 500ms.", e);
        }

        return deadline >= LeastDeadline
            ? new WatchdogOptions(deadline, chosen)
            : throw new UffdConfigurationException(
                FormattableString.Invariant(
                    $"{DeadlineKey} = {text}: must be off, or a time of at least {LeastDeadline.TotalMilliseconds:0}ms."));
    }
}
