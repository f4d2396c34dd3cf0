using System.Reflection;
using Akka.Configuration;

namespace UffdActors;

/// <summary>The settings of the runtime, read once from HOCON; each key is explained in <c>hocon/reference.conf</c>.</summary>
public sealed class UffdSettings
{
    private const int Version = 1;

    private UffdSettings(Config config)
    {
        Config = config;
        Dispatcher = config.GetString("uffd.dispatcher");
        Modules = [.. config.GetStringList("uffd.modules")];
        LaxModules = config.GetBoolean("uffd.lax-modules");
        HandlerCrashLimit = AtLeast(config, "uffd.handler-crash-limit", 1);
        PushChunkPages = AtLeast(config, "uffd.push-chunk-pages", 1);
        IncidentCapacity = AtLeast(config, "uffd.incident-capacity", 1);
        CloseTimeout = config.GetTimeSpan("uffd.close-timeout");
    }

    /// <summary>All of the configuration.</summary>
    public Config Config { get; }

    /// <summary>Dispatcher of the ring.</summary>
    public string Dispatcher { get; }

    /// <summary>True if the ring runs step by step on the calling thread.</summary>
    public bool IsStepped => Dispatcher == "uffd.stepped";

    /// <summary>Modules to load.</summary>
    public IReadOnlyList<string> Modules { get; }

    /// <summary>Accept tables that contradict themselves.</summary>
    public bool LaxModules { get; }

    /// <summary>Crashes on one page after which it is left alone.</summary>
    public int HandlerCrashLimit { get; }

    /// <summary>Pages of a chunk of the background push.</summary>
    public int PushChunkPages { get; }

    /// <summary>Incidents kept.</summary>
    public int IncidentCapacity { get; }

    /// <summary>How long disposing of a VM may take.</summary>
    public TimeSpan CloseTimeout { get; }

    /// <summary>The configuration that ships with the runtime.</summary>
    public static Config Reference { get; } = ConfigurationFactory.FromResource("UffdActors.reference.conf", Assembly.GetExecutingAssembly());

    /// <summary>The profile of a name (model, parallel, stepped), for <see cref="Load"/>.</summary>
    /// <exception cref="UffdConfigurationException">There is no such profile.</exception>
    public static Config Profile(string name) => name switch
    {
        "model" or "fault-loop" => ConfigurationFactory.ParseString("uffd.dispatcher = \"uffd.fault-loop\""),
        "parallel" => ConfigurationFactory.ParseString("uffd.dispatcher = \"uffd.parallel\""),
        "stepped" => ConfigurationFactory.FromResource("UffdActors.stepped.conf", Assembly.GetExecutingAssembly()),
        _ => throw new UffdConfigurationException($"There is no profile \"{name}\"; use fault-loop, parallel or stepped."),
    };

    /// <summary>Reads settings; what is not set comes from the reference configuration.</summary>
    /// <exception cref="UffdConfigurationException">A key has a value that means nothing; the message names it.</exception>
    public static UffdSettings Load(Config? config = null)
    {
        try
        {
            Config all = config is null ? Reference : config.WithFallback(Reference);
            int version = all.GetInt("uffd.version");
            if (version != Version)
                throw new UffdConfigurationException($"uffd.version = {version} is not supported; this program understands version {Version}.");
            UffdSettings settings = new(all);
            if (!all.HasPath(settings.Dispatcher))
                throw new UffdConfigurationException($"uffd.dispatcher = {settings.Dispatcher}: there is no such dispatcher; use uffd.fault-loop, uffd.parallel or uffd.stepped.");
            return settings;
        }
        catch (Exception e) when (e is not UffdConfigurationException)
        {
            throw new UffdConfigurationException($"The configuration cannot be used: {e.Message}", e);
        }
    }

    private static int AtLeast(Config config, string key, int least)
    {
        int value = config.GetInt(key);
        return value >= least ? value : throw new UffdConfigurationException($"{key} = {value}: must be at least {least}.");
    }
}

/// <summary>A configuration that means nothing. The message names the key, the value, and what to do.</summary>
public sealed class UffdConfigurationException : Exception
{
    /// <summary>Makes the exception.</summary>
    public UffdConfigurationException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
