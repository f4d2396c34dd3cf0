using Akka.Configuration;
using Akka.Configuration.Hocon;

namespace UffdActors.Configuration;

/// <summary>
/// Tells a key that is meant for other code from one that is misspelled. Below <c>uffd</c> every key is known. Elsewhere there may be keys
/// of other programs; one that is spelled almost like one of ours, or like one of Akka's beside it, is a mistake all the same.
/// </summary>
internal static class ConfigKeys
{
    private const string Own = "uffd";
    private const string Foreign = "akka";

    // Below these the keys belong to other libraries.
    private static readonly string[] Open = ["uffd.module"];

    private static readonly HoconObject OwnReference = UffdSettings.Reference.Root.GetObject();
    private static readonly HoconObject AkkaReference = ConfigurationFactory.Default().Root.GetObject();
    private static readonly HoconObject DispatcherKeys = ConfigurationFactory.Default()
        .GetConfig("akka.actor.default-dispatcher").Root.GetObject();
    private static readonly List<string> OwnPaths = [.. Paths("", Section(OwnReference, Own)!)];

    /// <summary>The first thing that is wrong with the keys, and the key; null if nothing is.</summary>
    /// <param name="root">The configuration.</param>
    /// <param name="wanted">Paths that are substituted: such a key is read, whatever it is called.</param>
    public static (string Key, string Problem)? Check(HoconValue root, IReadOnlyCollection<string> wanted)
    {
        if (!root.IsObject()) return null;
        foreach ((string name, HoconValue value) in root.GetObject().Items)
        {
            (string, string)? wrong = name switch
            {
                Own => OfSection(name, value, OwnReference.GetKey(Own), OwnKey),
                Foreign => OfSection(name, value, AkkaReference.GetKey(Foreign), AkkaKey) ?? OfValues(name, value, root.GetObject()),
                _ when wanted.Any(w => w == name || w.StartsWith(name + ".", StringComparison.Ordinal)) =>
                    OfSection(name, value, null, OthersKey),
                _ => OfRoot(name) is { } problem && value.Values.Count > 0 ? (name, problem) : OfSection(name, value, null, OthersKey),
            };
            if (wrong is not null) return wrong;
        }

        return null;
    }

    /// <summary>What is wrong with the keys that every dispatcher has, in the section of one; null if nothing is.</summary>
    /// <param name="id">The section's path.</param>
    /// <param name="section">The section.</param>
    public static string? OfDispatcher(string id, Config section)
    {
        if (!section.Root.IsObject()) return $"{id} is no section with the keys of a dispatcher";
        foreach ((string name, HoconValue value) in section.Root.GetObject().Items)
        {
            if (AkkaValues.Problem($"{id}.{name}", name, value, DispatcherKeys.GetKey(name), section.Root.GetObject()) is { } problem)
                return $"{id}.{name} = {value.GetString()}: {problem}";
        }

        return null;
    }

    /// <summary>The first thing that is wrong with the keys below <c>uffd</c> and their values; null if nothing is.</summary>
    public static (string Key, string Problem)? CheckOwn(HoconValue root) =>
        root.IsObject() && root.GetObject().GetKey(Own) is { } own ? OfSection(Own, own, OwnReference.GetKey(Own), OwnKey) : null;

    private delegate string? KeyRule(string key, string name, HoconValue value, HoconObject? reference, HoconObject siblings);

    private static (string Key, string Problem)? OfSection(string key, HoconValue value, HoconValue? reference, KeyRule rule)
    {
        if (value.Values.Count == 0) return (key, $"key \"{key}\" has no value");
        if (rule != OthersKey && IsNull(value))
            return (key, $"key \"{key}\" is null; give it a value, or leave it out to have that of the reference");
        if (reference is not null && Kind(reference) is { } needed && Kind(value) is { } given && needed != given)
            return (key, $"key \"{key}\" takes {needed}, not {given}");
        if (rule == OwnKey && key != WatchdogOptions.DeadlineKey && reference is not null && reference.IsString()
            && ConfigForms.Needed(reference.GetString(), value) is { } form) return (key, $"{key} = {value.GetString()}: must be {form}");
        if (!value.IsObject() || Open.Contains(key)) return null;
        HoconObject siblings = value.GetObject();
        HoconObject? known = reference is not null && reference.IsObject() ? reference.GetObject() : null;
        foreach ((string name, HoconValue inner) in siblings.Items)
        {
            string path = $"{key}.{name}";
            if (rule(path, name, inner, known, siblings) is { } problem) return (path, problem);
            if (OfSection(path, inner, known?.GetKey(name), rule) is { } wrong) return wrong;
        }

        return null;
    }

    // Akka's keys have their names; now their values. A section of the user's own with a type is a dispatcher.
    private static (string Key, string Problem)? OfValues(string key, HoconValue value, HoconObject root)
    {
        HoconObject? reference = AkkaReference;
        string[] parts = key.Split('.');
        foreach (string part in parts) reference = reference?.GetKey(part) is { } inner && inner.IsObject() ? inner.GetObject() : null;
        foreach ((string name, HoconValue inner) in value.GetObject().Items)
        {
            string path = $"{key}.{name}";
            bool isDispatcher = value.GetObject().Items.ContainsKey("type");
            HoconValue? known = reference?.GetKey(name) ?? (isDispatcher ? DispatcherKeys.GetKey(name) : null);
            if (AkkaValues.Problem(path, name, inner, known, root) is { } problem)
                return (path, inner.IsString() ? $"{path} = {inner.GetString()}: {problem}" : $"{path}: {problem}");
            if (inner.IsObject() && OfValues(path, inner, root) is { } wrong) return wrong;
        }

        return null;
    }

    private static string? OwnKey(string key, string name, HoconValue value, HoconObject? reference, HoconObject siblings)
    {
        if (name.Contains('.', StringComparison.Ordinal))
            return $"\"{name}\" in quotation marks is one key with a dot in its name; write it without them";
        if (reference is not null && reference.Items.ContainsKey(name)) return null;
        // What Akka knows of every dispatcher holds for those that ship.
        if (reference is not null && reference.Items.ContainsKey("type")
            && (DispatcherKeys.Items.ContainsKey(name) || name.StartsWith("mailbox-", StringComparison.Ordinal))) return null;
        // A section with a type is a dispatcher of the user's own, with keys that only its type knows.
        if (key == $"{Own}.{name}"
            ? value.IsObject() && value.GetObject().Items.ContainsKey("type")
            : siblings.Items.ContainsKey("type") || key.StartsWith("uffd.worlds.", StringComparison.Ordinal)) return null;
        return $"there is no key \"{key}\"; hocon/reference.conf explains those that there are";
    }

    private static string? AkkaKey(string key, string name, HoconValue value, HoconObject? reference, HoconObject siblings)
    {
        if (reference is null || reference.Items.ContainsKey(name)) return null;
        return reference.Items.Keys.FirstOrDefault(k => Spelling.IsNear(name, k)) is { } near
            ? $"there is no key \"{key}\"; is \"{near}\" meant?" : null;
    }

    private static string? OthersKey(string key, string name, HoconValue value, HoconObject? reference, HoconObject siblings) => null;

    private static string? OfRoot(string name)
    {
        if (name.StartsWith(Own, StringComparison.OrdinalIgnoreCase) || Spelling.IsNear(name, Own) || Spelling.IsNear(name, Foreign))
            return $"there is no key \"{name}\"; the keys of this program are in the section \"{Own}\", those of Akka.NET in \"{Foreign}\"";
        return OwnPaths.FirstOrDefault(path => Spelling.IsNear(name, path)) is { } meant
            ? $"there is no key \"{name}\"; is \"{Own}.{meant}\" meant?"
            : null;
    }

    private static IEnumerable<string> Paths(string prefix, HoconObject section)
    {
        foreach ((string name, HoconValue value) in section.Items)
        {
            yield return prefix + name;
            if (!value.IsObject()) continue;
            foreach (string inner in Paths($"{prefix}{name}.", value.GetObject())) yield return inner;
        }
    }

    private static HoconObject? Section(HoconObject root, string name) => root.GetKey(name)?.GetObject();

    private static bool IsNull(HoconValue value) =>
        value.IsString()
            ? value.GetString() is null
            : value.IsArray() && value.GetArray().Any(item => item.IsString() && item.GetString() is null);

    private static string? Kind(HoconValue value) =>
        value.IsObject() ? "a section" : value.IsArray() ? "a list" : value.IsString() ? "a single value" : null;
}
