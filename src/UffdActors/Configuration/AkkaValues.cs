using System.Globalization;
using Akka.Actor;
using Akka.Configuration;
using Akka.Configuration.Hocon;

namespace UffdActors.Configuration;

/// <summary>
/// What values of Akka's keys must look like. Akka refuses some wrong ones without naming their key, and takes others in silence: a type
/// that there is not, a negative count, a time that is read only when the system ends.
/// </summary>
internal static class AkkaValues
{
    private const string Serializers = "akka.actor.serializers";
    private const string Requirements = "akka.actor.mailbox.requirements";
    private const string Bindings = "akka.actor.serialization-bindings";
    private static readonly string[] Lists = ["akka.extensions", "akka.loggers"];
    // Akka reads a negative one as "no limit".
    private static readonly string[] MayBeNegative = ["throughput-deadline-time", "mailbox-push-timeout-time", "stash-capacity"];
    // Also words, which Akka itself refuses by the key's name if it does not know them.
    private static readonly string[] Words = ["akka.actor.provider"];

    /// <summary>What a value must be instead; null if it can be used.</summary>
    /// <param name="key">The key, from the root on.</param>
    /// <param name="name">Its last part.</param>
    /// <param name="value">What it is set to.</param>
    /// <param name="reference">What Akka's own configuration has there; null if it has nothing.</param>
    /// <param name="root">The configuration that the key is from.</param>
    public static string? Problem(string key, string name, HoconValue value, HoconValue? reference, HoconObject root)
    {
        if (Lists.Contains(key)) return OfTypeList(value, key);
        if (value.IsObject() || !value.IsString()) return null;
        string text = value.GetString();
        if (IsBelow(Serializers, key) || IsBelow("akka.actor.router.type-mapping", key)) return OfType(text);
        if (IsBelow(Requirements, key)) return OfType(key[(Requirements.Length + 1)..]);
        if (IsBelow("akka.coordinated-shutdown.phases", key) && name == "timeout") return OfTime(name, value);
        if (IsBelow(Bindings, key)) return OfBinding(key[(Bindings.Length + 1)..], text, root);
        if (reference is null || !reference.IsString() || text == reference.GetString() || Words.Contains(key)) return null;
        string known = reference.GetString();
        if (name == "throughput") return Count(text) is null or < 1 ? "must be a whole number of at least 1" : null;
        if (name == "log-dead-letters" && ConfigForms.IsSwitch(text)) return null;
        if (name.EndsWith("timeout", StringComparison.Ordinal) || name.EndsWith("interval", StringComparison.Ordinal)
            || ConfigForms.IsTimeText(known) || known == "infinite") return OfTime(name, value);
        if (Count(known) is not null) return text == "unlimited" ? null : OfCount(name, text);
        if (ConfigForms.IsSwitch(known)) return ConfigForms.IsSwitch(text) ? null : "must be on or off";
        if (double.TryParse(known, CultureInfo.InvariantCulture, out _))
            return double.TryParse(text, CultureInfo.InvariantCulture, out double d) && d >= 0 && double.IsFinite(d)
                ? null : "must be a number that is not negative";
        return known.StartsWith("Akka.", StringComparison.Ordinal) ? OfType(text) : null;
    }

    /// <summary>What in the settings of a running or starting system no ring can live with; null if nothing is.</summary>
    public static string? Unusable(Config config)
    {
        foreach (string key in new[] { "akka.actor.serialize-messages", "akka.actor.serialize-creators" })
        {
            if (config.GetBoolean(key, false))
                return $"{key} = on: the messages of a VM carry descriptors and pointers, which cannot be serialized; leave it off";
        }

        return null;
    }

    private static bool IsBelow(string section, string key) =>
        key.Length > section.Length && key[section.Length] == '.' && key.StartsWith(section, StringComparison.Ordinal);

    private static string? OfTime(string name, HoconValue value)
    {
        const string Must = "must be a time, such as 5s";
        try
        {
            TimeSpan time = value.GetTimeSpan();
            return time >= TimeSpan.Zero || time == Timeout.InfiniteTimeSpan || MayBeNegative.Contains(name) ? null : Must;
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            return Must;
        }
    }

    private static string? OfCount(string name, string text) =>
        Count(text) is not { } number ? "must be a whole number"
            : number < 0 && !MayBeNegative.Contains(name) ? "must not be negative" : null;

    private static int? Count(string text) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) ? number : null;

    private static string? OfTypeList(HoconValue value, string key)
    {
        if (!value.Values.OfType<HoconArray>().Any()) return "must be a list of types, each \"Namespace.Type, Assembly\"";
        foreach (HoconValue item in value.GetArray())
        {
            string text = item.GetString() ?? "null";
            Type? type = Find(text);
            if (type is null) return $"there is no type \"{text}\"; name it as \"Namespace.Type, Assembly\"";
            if (key == "akka.extensions" && !typeof(IExtensionId).IsAssignableFrom(type))
                return $"{text} is no extension: it does not implement {nameof(IExtensionId)}";
        }

        return null;
    }

    private static string? OfBinding(string bound, string serializer, HoconObject root)
    {
        if (OfType(bound) is { } problem) return problem;
        return IsSerializer(serializer, ConfigurationFactory.Default().Root.GetObject()) || IsSerializer(serializer, root)
            ? null : $"there is no serializer \"{serializer}\" in {Serializers}";
    }

    private static bool IsSerializer(string name, HoconObject root)
    {
        HoconObject section = root;
        foreach (string part in Serializers.Split('.'))
        {
            if (section.GetKey(part) is not { } inner || !inner.IsObject()) return false;
            section = inner.GetObject();
        }

        return section.GetKey(name) is not null;
    }

    private static string? OfType(string text) =>
        Find(text) is null ? $"there is no type \"{text}\"; name it as \"Namespace.Type, Assembly\"" : null;

    // Akka's own are named without their assembly.
    private static Type? Find(string text)
    {
        try
        {
            return text.Length == 0 ? null : Type.GetType(text) ?? typeof(ActorSystem).Assembly.GetType(text);
        }
        catch (Exception e) when (e is ArgumentException or IOException or BadImageFormatException or TypeLoadException)
        {
            return null;
        }
    }
}
