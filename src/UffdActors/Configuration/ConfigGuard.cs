using Akka.Configuration;
using Akka.Configuration.Hocon;

namespace UffdActors.Configuration;

/// <summary>
/// Looks at a configuration that was built in code before anything reads it: values that lead back to themselves are followed until the
/// stack is gone, which no code can catch. What is wrong with a file is found in its text, with the line (<see cref="ConfigFile"/>); here
/// there are only values.
/// </summary>
internal sealed class ConfigGuard
{
    private const int MaxDepth = 32;
    private const int MaxValues = 10_000;

    private readonly HashSet<HoconValue> _open = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<HoconValue, long> _sizes = new(ReferenceEqualityComparer.Instance);
    private readonly List<string> _wanted = [];

    private ConfigGuard()
    {
    }

    /// <summary>Refuses a configuration that means nothing.</summary>
    /// <param name="config">The configuration, without the reference.</param>
    /// <param name="isOwn">
    /// False for that of a borrowed actor system: of that only the keys below <c>uffd</c> are ours to judge.
    /// </param>
    /// <exception cref="UffdConfigurationException">
    /// A value leads back to itself, is too large or too deep; or a key has the wrong type, or there is none such.
    /// </exception>
    public static void Check(Config config, bool isOwn)
    {
        if (config.Root is not { } root) return;
        ConfigGuard guard = new();
        _ = guard.SizeOf("", root, 0);
        (string Key, string Problem)? wrong = isOwn ? ConfigKeys.Check(root, guard._wanted) : ConfigKeys.CheckOwn(root);
        if (wrong is { } found) throw Bad(found.Problem);
    }

    // Values that come of one; each is counted once, however often it is asked for.
    private long SizeOf(string key, HoconValue value, int depth)
    {
        if (_sizes.TryGetValue(value, out long known)) return known;
        if (!_open.Add(value)) throw Bad($"key \"{key}\": its substitution leads back to itself");
        if (depth > MaxDepth)
            throw Bad(FormattableString.Invariant($"key \"{Short(key)}\": sections and lists are nested more than {MaxDepth} deep"));
        long size = 1;
        foreach (IHoconElement element in value.Values)
        {
            size += element switch
            {
                HoconObject section =>
                    section.Items.Sum(item => SizeOf(key.Length == 0 ? item.Key : $"{key}.{item.Key}", item.Value, depth + 1)),
                HoconSubstitution substitution => OfSubstitution(key, substitution, depth),
                HoconArray list => list.Sum(inner => SizeOf(key, inner, depth + 1)),
                HoconValue inner => SizeOf(key, inner, depth + 1),
                _ => 0,
            };
            if (size > MaxValues && element is HoconSubstitution)
                throw Bad(FormattableString.Invariant($"key \"{key}\": its substitutions come to more than {MaxValues:N0} values"));
        }

        _ = _open.Remove(value);
        return _sizes[value] = size;
    }

    private long OfSubstitution(string key, HoconSubstitution substitution, int depth)
    {
        _wanted.Add(substitution.Path);
        return substitution.ResolvedValue is { } resolved ? SizeOf(key, resolved, depth + 1) : 0;
    }

    private static string Short(string key) => key.Length <= 64 ? key : key[..64] + "...";

    private static UffdConfigurationException Bad(string problem) => new(problem.EndsWith('?') ? problem : problem + ".");
}
