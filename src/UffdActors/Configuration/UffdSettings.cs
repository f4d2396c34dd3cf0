using System.Reflection;
using Akka.Configuration;
using UffdActors.Configuration;
using UffdActors.Model;
using UffdActors.Model.Memory;

namespace UffdActors;

/// <summary>The settings of the runtime, read once from HOCON; each key is explained in <c>hocon/reference.conf</c>.</summary>
public sealed class UffdSettings
{
    private const int Version = 1;

    // Timers of .NET count milliseconds in 32 bits.
    private static readonly TimeSpan LongestClose = TimeSpan.FromDays(24);

    private UffdSettings(Config config)
    {
        Config = config;
        World = config.GetString("uffd.world");
        Dispatcher = config.GetString("uffd.dispatcher");
        Modules = [.. config.GetStringList("uffd.modules")];
        LaxModules = config.GetBoolean("uffd.lax-modules");
        HandlerCrashLimit = AtLeast(config, "uffd.handler-crash-limit", 1);
        PushChunkPages = AtLeast(config, "uffd.push-chunk-pages", 1);
        PushWindowBytes = AtLeast(config, "uffd.push-window-bytes", 0);
        SourcePatience = PatienceOf(config);
        SourceResume = ResumeOf(config);
        IncidentCapacity = AtLeast(config, "uffd.incident-capacity", 1);
        CloseTimeout = CloseTimeoutOf(config);
        Watchdog = WatchdogOptions.Of(config);
        string kernel = config.GetString("uffd.kernel.profile");
        Kernel = WithKnobs(KernelProfile.Find(kernel) ?? throw new UffdConfigurationException(
            $"uffd.kernel.profile = {kernel}: use one of {string.Join(", ", KernelProfile.All.Select(p => p.Name))}."));
    }

    /// <summary>All of the configuration.</summary>
    public Config Config { get; }

    /// <summary>What VMs run on: <c>model</c> or <c>live</c>.</summary>
    public string World { get; }

    /// <summary>Dispatcher of the ring.</summary>
    public string Dispatcher { get; }

    /// <summary>True if the ring runs step by step on the calling thread.</summary>
    public bool IsStepped => Dispatcher == "uffd.stepped";

    /// <summary>Modules to load.</summary>
    public IReadOnlyList<string> Modules { get; }

    /// <summary>Accept tables that contradict themselves.</summary>
    public bool LaxModules { get; }

    /// <summary>How long a failing page source is waited for; <see cref="Timeout.InfiniteTimeSpan"/> for ever.</summary>
    public TimeSpan SourcePatience { get; }

    /// <summary>What ends the wait of those whose patience is over.</summary>
    public SourceResume SourceResume { get; }

    /// <summary>Crashes on one page after which it is held back.</summary>
    public int HandlerCrashLimit { get; }

    /// <summary>Pages of a chunk of the background push.</summary>
    public int PushChunkPages { get; }

    /// <summary>Bytes that the background push may ask for ahead.</summary>
    public int PushWindowBytes { get; }

    /// <summary>Incidents kept.</summary>
    public int IncidentCapacity { get; }

    /// <summary>How long disposing of a VM may take.</summary>
    public TimeSpan CloseTimeout { get; }

    /// <summary>The watchdog of live VMs that do not name one; null for none.</summary>
    public WatchdogOptions? Watchdog { get; }

    /// <summary>The kernel of VMs that do not name one, with the configured knobs.</summary>
    public KernelProfile Kernel { get; }

    /// <summary>A kernel with the knobs that the configuration turns; what it leaves alone is as the kernel has it.</summary>
    public KernelProfile WithKnobs(KernelProfile profile)
    {
        ArgumentNullException.ThrowIfNull(profile);
        return profile with
        {
            FaultAroundBytes = FaultAround() ?? profile.FaultAroundBytes,
            MemoryFailure = Flag("memory-failure") ?? profile.MemoryFailure,
            Swap = Flag("swap") ?? profile.Swap,
            HugePages = Count("huge-pages") ?? profile.HugePages,
            Privileged = Flag("privileged") ?? profile.Privileged,
            UnprivilegedUserfaultfd = Flag("unprivileged-userfaultfd") ?? profile.UnprivilegedUserfaultfd,
            StrictWakes = Flag("strict-wakes") ?? profile.StrictWakes,
        };
    }

    /// <summary>The configuration that ships with the runtime.</summary>
    public static Config Reference { get; } = Embedded("reference");

    /// <summary>The profile of a name (model or fault-loop, which are one; parallel, stepped, live), for <see cref="Load"/>.</summary>
    /// <exception cref="UffdConfigurationException">There is no such profile.</exception>
    public static Config Profile(string name) => name switch
    {
        "model" or "fault-loop" => Embedded("model"),
        "parallel" or "live" or "stepped" => Embedded(name),
        _ => throw new UffdConfigurationException($"There is no profile \"{name}\"; use model (or fault-loop), parallel, stepped or live."),
    };

    /// <summary>
    /// Parses the text of a configuration. A text that Akka's parser does not survive (nested without end, substitutions that lead back to
    /// themselves) or that it takes for another (brackets that are not closed) is refused with its line.
    /// </summary>
    /// <param name="name">What the text is called in messages: the path of its file.</param>
    /// <param name="text">HOCON, up to 1 MiB; the keys may be anybody's.</param>
    /// <exception cref="UffdConfigurationException">It is no configuration.</exception>
    public static Config Parse(string name, string text)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return ConfigFile.Parse(name, text);
    }

    /// <summary>Reads settings; what is not set comes from the reference configuration.</summary>
    /// <exception cref="UffdConfigurationException">
    /// A key has a value that means nothing, or there is no such key; the message names it.
    /// </exception>
    public static UffdSettings Load(Config? config = null) => Read(config, isOwn: true);

    /// <summary>The same, of a configuration that may be that of a borrowed actor system.</summary>
    internal static UffdSettings Read(Config? config, bool isOwn)
    {
        if (config is not null) ConfigGuard.Check(config, isOwn);
        try
        {
            Config beneath = SlowMachine.Settings?.WithFallback(Reference) ?? Reference;
            Config all = config?.WithFallback(beneath) ?? beneath;
            int version = Number(all, "uffd.version", () => all.GetInt("uffd.version"));
            if (version != Version)
                throw new UffdConfigurationException(
                    FormattableString.Invariant($"uffd.version = {version} is not supported; this program understands version {Version}."));
            UffdSettings settings = new(all);
            if (!all.HasPath(settings.Dispatcher))
                throw new UffdConfigurationException(
                    $"uffd.dispatcher = {settings.Dispatcher}: there is no such dispatcher; use uffd.fault-loop, uffd.parallel or "
                        + $"uffd.stepped.");
            if (ConfigKeys.OfDispatcher(settings.Dispatcher, all.GetConfig(settings.Dispatcher)) is { } wrong)
                throw new UffdConfigurationException($"{wrong}.");
            if (AkkaValues.Unusable(all) is { } unusable) throw new UffdConfigurationException($"{unusable}.");
            return settings;
        }
        catch (Exception e) when (e is not UffdConfigurationException)
        {
            throw new UffdConfigurationException($"The configuration cannot be used: {e.Message}", e);
        }
    }

    // A file of hocon/, as it was when the assembly was built.
    private static Config Embedded(string name) =>
        ConfigurationFactory.FromResource($"UffdActors.{name}.conf", Assembly.GetExecutingAssembly());

    private static TimeSpan PatienceOf(Config config)
    {
        const string Key = "uffd.source-patience";
        TimeSpan patience;
        try
        {
            patience = config.GetTimeSpan(Key);
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            throw new UffdConfigurationException($"{Key} = {config.GetString(Key)}: must be a time, such as 30s, or infinite.", e);
        }

        return patience >= TimeSpan.Zero || patience == Timeout.InfiniteTimeSpan
            ? patience
            : throw new UffdConfigurationException($"{Key} = {config.GetString(Key)}: must not be negative.");
    }

    private static TimeSpan CloseTimeoutOf(Config config)
    {
        const string Key = "uffd.close-timeout";
        TimeSpan timeout = config.GetTimeSpan(Key);
        return timeout == Timeout.InfiniteTimeSpan || (timeout >= TimeSpan.Zero && timeout <= LongestClose)
            ? timeout
            : throw new UffdConfigurationException(
                FormattableString.Invariant(
                    $"{Key} = {config.GetString(Key)}: must be a time of up to {LongestClose.TotalDays:0} days, or infinite."));
    }

    private static SourceResume ResumeOf(Config config) => config.GetString("uffd.source-resume") switch
    {
        "auto" => SourceResume.Auto,
        "manual" => SourceResume.Manual,
        var other => throw new UffdConfigurationException($"uffd.source-resume = {other}: use auto or manual."),
    };

    private bool? Flag(string knob) => IsTurned(knob) ? Config.GetBoolean(KnobKey(knob)) : null;

    private long? Count(string knob)
    {
        if (!IsTurned(knob)) return null;
        long value = Number(Config, KnobKey(knob), () => Config.GetLong(KnobKey(knob)));
        return value >= 0
            ? value
            : throw new UffdConfigurationException(FormattableString.Invariant($"{KnobKey(knob)} = {value}: must not be negative."));
    }

    private long? FaultAround()
    {
        const string Knob = "fault-around-bytes";
        if (Count(Knob) is not { } bytes) return null;
        if (bytes == 0 || (bytes >= PageSize.Base && long.IsPow2(bytes))) return bytes;
        throw new UffdConfigurationException(
            FormattableString.Invariant($"{KnobKey(Knob)} = {bytes}: must be 0, or a power of two from {PageSize.Base} on."));
    }

    private bool IsTurned(string knob) => Config.GetString(KnobKey(knob)) != "profile";

    private static string KnobKey(string knob) => "uffd.kernel." + knob;

    // The parser's own complaint names neither key nor value.
    private static T Number<T>(Config config, string key, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            throw new UffdConfigurationException($"{key} = {config.GetString(key)}: must be a whole number.", e);
        }
    }

    private static int AtLeast(Config config, string key, int least)
    {
        int value = Number(config, key, () => config.GetInt(key));
        return value >= least
            ? value
            : throw new UffdConfigurationException(FormattableString.Invariant($"{key} = {value}: must be at least {least}."));
    }
}
