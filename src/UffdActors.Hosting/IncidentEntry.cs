using System.Collections;

namespace UffdActors.Hosting;

/// <summary>An incident as a line of a log with its parts beside it: Vm, Kind, Message.</summary>
internal sealed class IncidentEntry(string vm, Incident incident) : IReadOnlyList<KeyValuePair<string, object?>>
{
    private readonly KeyValuePair<string, object?>[] _parts =
    [
        new("Vm", vm), new("Kind", incident.Kind), new("Message", incident.Message), new("{OriginalFormat}", "VM {Vm}: {Kind}: {Message}"),
    ];

    /// <inheritdoc />
    public int Count => _parts.Length;

    /// <inheritdoc />
    public KeyValuePair<string, object?> this[int index] => _parts[index];

    /// <inheritdoc />
    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator() =>
        ((IEnumerable<KeyValuePair<string, object?>>)_parts).GetEnumerator();

    /// <inheritdoc />
    public override string ToString() => $"VM {vm}: {incident.Kind}: {incident.Message}";

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
