namespace UffdActors.Explore.Scenes;

/// <summary>
/// Identifies a run by its observable behaviour: the order of actors and kinds of messages, and every change of a page's state. Nothing
/// that differs between processes goes in: no uids, no hash codes, no folio numbers.
/// </summary>
internal struct TraceHash
{
    private const ulong Prime = 0x0000_0100_0000_01B3;

    private ulong _value;

    /// <summary>The hash so far.</summary>
    public readonly ulong Value => _value;

    /// <summary>The hash as reports write it.</summary>
    public readonly string Text => $"{_value:x16}";

    /// <summary>Adds a word.</summary>
    public void Add(ulong word)
    {
        ulong mixed = (_value ^ word) * Prime;
        _value = mixed ^ (mixed >> 29);
    }

    /// <summary>A number for a text, the same in every process.</summary>
    public static ulong Of(string text)
    {
        ulong hash = 0xCBF2_9CE4_8422_2325;
        foreach (char letter in text) hash = (hash ^ letter) * Prime;
        return hash;
    }
}
