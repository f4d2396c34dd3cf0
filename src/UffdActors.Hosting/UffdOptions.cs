using System.Globalization;
using System.Text;
using Akka.Configuration;

namespace UffdActors.Hosting;

/// <summary>
/// The runtime's settings as options, to be bound from <c>IConfiguration</c>. What is null is left to the reference configuration.
/// </summary>
public sealed class UffdOptions
{
    /// <summary>The section that they are bound from if no other is named.</summary>
    public const string Section = "Uffd";

    /// <summary>What VMs run on: <c>model</c> or <c>live</c> (<c>uffd.world</c>).</summary>
    public string? World { get; set; }

    /// <summary>Dispatcher of the ring: <c>uffd.fault-loop</c> or <c>uffd.parallel</c> (<c>uffd.dispatcher</c>).</summary>
    public string? Dispatcher { get; set; }

    /// <summary>How long a failing page source is waited for before those who wait pause (<c>uffd.source-patience</c>).</summary>
    public TimeSpan? SourcePatience { get; set; }

    /// <summary>How long disposing of a VM may take (<c>uffd.close-timeout</c>).</summary>
    public TimeSpan? CloseTimeout { get; set; }

    /// <summary>Pages of a chunk of the background push (<c>uffd.push-chunk-pages</c>).</summary>
    public int? PushChunkPages { get; set; }

    /// <summary>Age from which on the watchdog of live VMs takes a fault for late (<c>uffd.watchdog.deadline</c>).</summary>
    public TimeSpan? WatchdogDeadline { get; set; }

    /// <summary>What the watchdog does then (<c>uffd.watchdog.policy</c>).</summary>
    public WatchdogPolicy? WatchdogPolicy { get; set; }

    /// <summary>Any other key, as HOCON; what is set above wins over it.</summary>
    public string? Hocon { get; set; }

    /// <summary>What is set, as configuration for <see cref="UffdRuntime.Start"/>.</summary>
    /// <exception cref="UffdConfigurationException"><see cref="Hocon"/> cannot be read.</exception>
    public Config ToConfig()
    {
        StringBuilder keys = new();
        Add("uffd.world", Quoted(World));
        Add("uffd.dispatcher", Quoted(Dispatcher));
        Add("uffd.source-patience", Milliseconds(SourcePatience));
        Add("uffd.close-timeout", Milliseconds(CloseTimeout));
        Add("uffd.push-chunk-pages", PushChunkPages?.ToString(CultureInfo.InvariantCulture));
        Add("uffd.watchdog.deadline", Milliseconds(WatchdogDeadline));
#pragma warning disable CA1308 // The configuration's own words are in lower case.
        Add("uffd.watchdog.policy", WatchdogPolicy?.ToString().ToLowerInvariant());
#pragma warning restore CA1308
        Config set = ConfigurationFactory.ParseString(keys.ToString());
        if (string.IsNullOrWhiteSpace(Hocon)) return set;
        try
        {
            return set.WithFallback(UffdSettings.Parse("of the host", Hocon));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new UffdConfigurationException($"{nameof(Hocon)} cannot be read: {e.Message}", e);
        }

        void Add(string key, string? value)
        {
            if (value is not null) _ = keys.Append(key).Append(" = ").AppendLine(value);
        }
    }

    private static string? Quoted(string? text) =>
        text is null ? null : $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    private static string? Milliseconds(TimeSpan? time) =>
        time is { } value ? string.Create(CultureInfo.InvariantCulture, $"{value.TotalMilliseconds:0}ms") : null;
}
