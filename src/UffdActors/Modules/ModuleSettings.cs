using System.Collections;
using System.Diagnostics.CodeAnalysis;
using UffdActors.Configuration;

namespace UffdActors.Modules;

/// <summary>
/// The settings of modules, as their constructors get them. Remembers which were looked at: one that was not looked at may be spelled
/// wrongly.
/// </summary>
internal sealed class ModuleSettings(Dictionary<string, string> settings) : IReadOnlyDictionary<string, string>
{
    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);
    private bool _isRead;

    public int Count => settings.Count;

    public IEnumerable<string> Keys => All().Keys;

    public IEnumerable<string> Values => All().Values;

    public string this[string key] => settings[Asked(key)];

    public bool ContainsKey(string key) => settings.ContainsKey(Asked(key));

    public bool TryGetValue(string key, [MaybeNullWhen(false)] out string value) => settings.TryGetValue(Asked(key), out value);

    public IEnumerator<KeyValuePair<string, string>> GetEnumerator() => All().GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>
    /// A setting that is lost, with the reason: no module reads any, or it is spelled almost like one that was asked for. Null if there is
    /// none. A module may look at a setting later, so that it was not looked at yet is no reason by itself.
    /// </summary>
    public string? Misspelled()
    {
        if (_isRead) return null;
        foreach (string key in settings.Keys.Where(key => !_asked.Contains(key)))
        {
            if (_asked.Count == 0) return $"{key}: no module that is loaded reads settings; name it in uffd.modules.";
            if (_asked.FirstOrDefault(asked => Spelling.IsNear(key, asked)) is { } near)
                return $"{key}: no module reads this; is uffd.module.{near} meant?";
        }

        return null;
    }

    private string Asked(string key)
    {
        _ = _asked.Add(key);
        return key;
    }

    private Dictionary<string, string> All()
    {
        _isRead = true;
        return settings;
    }
}
