using System.Globalization;
using Akka.Configuration;
using Akka.Configuration.Hocon;
using UffdActors.Model.Inputs;

namespace UffdActors.Serve;

/// <summary>
/// The configuration file of a daemon, in HOCON: the block <c>serve</c> is the daemon's, the block <c>uffd</c> the runtime's
/// (<c>hocon/reference.conf</c>). A key that is not known is refused.
/// </summary>
public sealed record DaemonConfig
{
    private const int MostBytes = 1 << 20;
    private static readonly string[] Keys =
        ["control", "state", "max-sessions", "max-guests", "cache", "store-is-preserved", "hand-over-timeout", "http", "sessions"];

    private static readonly string[] SessionKeys =
    [
        "socket", "memory", "diffs", "overlay", "working-set", "record-working-set", "record-for", "bandwidth", "on-failure",
        "socket-mode", "max-guests", "max-faults",
    ];

    private static readonly string[] OverlayKeys = ["file", "at"];

    /// <summary>The daemon's.</summary>
    public required DaemonOptions Options { get; init; }

    /// <summary>The runtime's.</summary>
    public required Config Runtime { get; init; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="ServeException">It cannot be read, or says something that means nothing; the message names the key.</exception>
    public static DaemonConfig Read(string path)
    {
        try
        {
            return Parse(path, InputFile.ReadText(path, MostBytes));
        }
        catch (InputFileException e)
        {
            throw new ServeException($"Configuration \"{path}\" cannot be read: {e.Message}.", e);
        }
        catch (ServeException e) when (e.InnerException is not UffdConfigurationException)
        {
            throw new ServeException($"Configuration \"{path}\": {e.Message}", e);
        }
    }

    /// <summary>Reads a text.</summary>
    /// <exception cref="ServeException">It says something that means nothing.</exception>
    public static DaemonConfig Parse(string text) => Parse("of the daemon", text);

    private static DaemonConfig Parse(string name, string text)
    {
        Config all;
        try
        {
            all = UffdSettings.Parse(name, text);
        }
        catch (UffdConfigurationException e)
        {
            throw new ServeException(e.Message, e);
        }

        ThrowIfUnknown(ObjectOf(all.Root, ""), ["serve", "uffd"], "");
        Config serve = all.HasPath("serve") ? all.GetConfig("serve") : throw new ServeException("it has no block serve.");
        ThrowIfUnknown(ObjectOf(serve.Root, "serve"), Keys, "serve.");
        DaemonOptions plain = new() { Control = "", State = "" };
        return new DaemonConfig
        {
            Options = plain with
            {
                Control = PathOf(serve, "control"),
                State = PathOf(serve, "state"),
                MaxSessions = NumberOf(serve, "max-sessions", plain.MaxSessions),
                MaxGuests = NumberOf(serve, "max-guests", plain.MaxGuests),
                CacheBytes = SizeOf(serve, "cache", ContentCache.MinBytes, "1g"),
                StoreIsPreserved = FlagOf(serve, "store-is-preserved"),
                HandOver = serve.HasPath("hand-over-timeout")
                    ? plain.HandOver with { TimeOut = TimeOf(serve, "hand-over-timeout") }
                    : plain.HandOver,
                Http = serve.HasPath("http") ? serve.GetString("http") : null,
                Sessions = SessionsOf(serve),
            },
            Runtime = RuntimeOf(name, text),
        };
    }

    // The runtime refuses keys that are not its own.
    private static Config RuntimeOf(string name, string text)
    {
        Config all = UffdSettings.Parse(name, text);
        _ = all.Root.GetObject().Items.Remove("serve");
        return all;
    }

    private static List<SessionSpec> SessionsOf(Config serve)
    {
        if (!serve.HasPath("sessions")) return [];
        List<SessionSpec> sessions = [];
        foreach ((string name, HoconValue value) in ObjectOf(serve.GetConfig("sessions").Root, "serve.sessions"))
        {
            string prefix = $"serve.sessions.{name}.";
            Config session = serve.GetConfig("sessions").GetConfig(name)
                ?? throw new ServeException($"serve.sessions.{name} is no block.");
            ThrowIfUnknown(ObjectOf(value, prefix), SessionKeys, prefix);
            SessionSpec plain = new() { Session = name, Socket = "", Memory = "" };
            sessions.Add(plain with
            {
                Socket = Text(session, "socket", prefix),
                Memory = Text(session, "memory", prefix),
                Diffs = session.HasPath("diffs") ? [.. session.GetStringList("diffs")] : plain.Diffs,
                OnFailure = !session.HasPath("on-failure") ? plain.OnFailure : session.GetString("on-failure") switch
                {
                    "freeze" => FailurePolicy.Freeze,
                    "kill" => FailurePolicy.Kill,
                    var other => throw new ServeException($"{prefix}on-failure = {other}: write freeze or kill."),
                },
                SocketMode = session.HasPath("socket-mode") ? session.GetString("socket-mode") : plain.SocketMode,
                MaxGuests = NumberOf(session, "max-guests", plain.MaxGuests, prefix),
                MaxFaults = NumberOf(session, "max-faults", plain.MaxFaults, prefix),
                WorkingSet = TextOrNull(session, "working-set"),
                RecordWorkingSet = TextOrNull(session, "record-working-set"),
                RecordForMs = session.HasPath("record-for")
                    ? Math.Max(1, (long)TimeOf(session, "record-for", prefix).TotalMilliseconds)
                    : plain.RecordForMs,
                BytesPerSecond = SizeOf(session, "bandwidth", 1, "10m", prefix) ?? plain.BytesPerSecond,
                Overlay = OverlayOf(session, prefix),
            });
        }

        return sessions;
    }

    private static List<OverlayFile> OverlayOf(Config session, string prefix)
    {
        List<OverlayFile> parts = [];
        if (!session.HasPath("overlay")) return parts;
        HoconValue list = session.GetValue("overlay");
        if (!list.IsArray()) throw new ServeException($"{prefix}overlay is no list; write [{{ file = /srv/a.page, at = 4k }}].");
        foreach (HoconValue value in list.GetArray())
        {
            string name = $"{prefix}overlay[{parts.Count}].";
            ThrowIfUnknown(ObjectOf(value, name), OverlayKeys, name);
            Config part = new(new HoconRoot(value));
            parts.Add(new OverlayFile(Text(part, "file", name), SizeOf(part, "at", 0, "4k", name)
                ?? throw new ServeException($"{name}at has to be there.")));
        }

        return parts;
    }

    private static Dictionary<string, HoconValue> ObjectOf(HoconValue value, string name) =>
        value.IsObject() ? value.GetObject().Items : throw new ServeException($"{name.TrimEnd('.')} is no block.");

    private static void ThrowIfUnknown(Dictionary<string, HoconValue> block, string[] known, string prefix)
    {
        if (block.Keys.FirstOrDefault(k => !known.Contains(k)) is { } unknown)
            throw new ServeException($"there is no key {prefix}{unknown}; there are {string.Join(", ", known)}.");
    }

    private static string Text(Config config, string key, string prefix = "serve.") =>
        config.HasPath(key) && config.GetString(key) is { Length: > 0 } text
            ? text
            : throw new ServeException($"{prefix}{key} has to be there.");

    private static string? TextOrNull(Config config, string key) => config.HasPath(key) ? config.GetString(key) : null;

    private static string PathOf(Config config, string key)
    {
        string path = Text(config, key);
        return Path.IsPathRooted(path) ? path : throw new ServeException($"serve.{key} = {path}: write the path from the root on.");
    }

    private static int NumberOf(Config config, string key, int otherwise, string prefix = "serve.")
    {
        if (!config.HasPath(key)) return otherwise;
        string text = config.GetString(key);
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0
            ? number
            : throw new ServeException($"{prefix}{key} = {text}: write a number from 1 on.");
    }

    private static long? SizeOf(Config config, string key, long least, string example, string prefix = "serve.")
    {
        if (!config.HasPath(key)) return null;
        string text = config.GetString(key);
        long? bytes;
        try
        {
            bytes = config.GetByteSize(key);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            bytes = null;
        }

        return bytes >= least
            ? bytes
            : throw new ServeException(
                $"{prefix}{key} = {text}: write a size of {(least >= 1 << 20 ? $"{least >> 20}m" : least)} at least, as {example}.");
    }

    private static bool FlagOf(Config config, string key) => config.HasPath(key) && config.GetString(key) switch
    {
        "true" or "on" => true,
        "false" or "off" => false,
        var other => throw new ServeException($"serve.{key} = {other}: write true or false."),
    };

    private static TimeSpan TimeOf(Config config, string key, string prefix = "serve.")
    {
        try
        {
            TimeSpan time = config.GetTimeSpan(key, allowInfinite: false);
            if (time > TimeSpan.Zero) return time;
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            // Reported below.
        }

        throw new ServeException($"{prefix}{key} = {config.GetString(key)}: write a time above zero, as 10s.");
    }
}
