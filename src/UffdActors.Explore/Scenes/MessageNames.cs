using UffdActors.Explore.Runs;
using UffdActors.Handling;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Turns;

namespace UffdActors.Explore.Scenes;

/// <summary>
/// The type of a message as a number, for hashes and coverage; <see cref="MessageWords"/> has it in words.
/// </summary>
internal sealed class MessageNames
{
    private readonly Dictionary<Type, (int Number, ulong Hash)> _types = [];
    private readonly List<string> _names = [];

    /// <summary>Number of the message's type, in the order in which types were first met.</summary>
    public int NumberOf(object? message) => Of(message).Number;

    /// <summary>The name of a number.</summary>
    public string this[int number] => _names[number];

    /// <summary>Numbers so far.</summary>
    public int Count => _names.Count;

    /// <summary>The part of a trace hash that stands for the message.</summary>
    public ulong HashOf(object? message)
    {
        ulong hash = Of(message).Hash;
        if (message is Fill fill) hash ^= (ulong)(fill.Kind + 1) << 8;
        if (message is PageRequest request) hash ^= (ulong)(request.Phase + 1) << 16;
        return hash;
    }

    private (int Number, ulong Hash) Of(object? message)
    {
        Type type = message?.GetType() ?? typeof(void);
        if (_types.TryGetValue(type, out (int Number, ulong Hash) known)) return known;
        string name = NameOf(type);
        known = (_names.Count, TraceHash.Of(name));
        _names.Add(name);
        _types.Add(type, known);
        return known;
    }

    // Mutants derive from the ring's messages, and count under the same names.
    private static string NameOf(Type type)
    {
        if (type == typeof(void)) return "housekeeping";
        while (type.BaseType is { IsAbstract: false } parent && typeof(Operation).IsAssignableFrom(parent)) type = parent;
        return type.Name;
    }
}
