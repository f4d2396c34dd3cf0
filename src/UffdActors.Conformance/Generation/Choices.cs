namespace UffdActors.Conformance.Generation;

/// <summary>
/// A stream of small integers from which a program is made: drawn from a seed, or given. The same stream gives the same program, and a
/// stream with pieces removed or values lowered still gives a program, a simpler one; so shrinking works on the stream alone.
/// </summary>
/// <remarks>
/// The stream is cut into records of <see cref="RecordLength"/> numbers, one record for each step. A step that draws less skips the rest of
/// its record, one that draws more gets zeros; so removing a record removes one step and does not change the others.
/// </remarks>
internal sealed class Choices
{
    /// <summary>Numbers in a record.</summary>
    public const int RecordLength = 24;

    private readonly List<int> _values;
    private readonly bool _isSeeded;
    private ulong _state;
    private int _next;
    private int _end;

    /// <summary>Draws from a seed, without end, and remembers what was drawn.</summary>
    public Choices(ulong seed)
    {
        _values = [];
        _isSeeded = true;
        _state = seed;
    }

    /// <summary>Replays given values; zeros when they are used up.</summary>
    /// <param name="values">Numbers from 0.</param>
    public Choices(IEnumerable<int> values)
    {
        _values = [.. values];
        if (_values.Exists(v => v < 0)) throw new ArgumentOutOfRangeException(nameof(values), "A choice is not negative.");
    }

    /// <summary>Everything that was drawn, or given.</summary>
    public IReadOnlyList<int> Values => _values;

    /// <summary>True once every number of a given stream has been used; never of a seeded one.</summary>
    public bool IsExhausted => !_isSeeded && _end >= _values.Count;

    /// <summary>Goes to the next record.</summary>
    public void NextRecord()
    {
        _next = _end;
        _end = _next + RecordLength;
        while (_isSeeded && _values.Count < _end) _values.Add(0);
    }

    /// <summary>The next number of the record, below a bound.</summary>
    /// <param name="bound">At least 1.</param>
    public int Next(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bound, 1);
        int at = _next++;
        if (at >= _end || at >= _values.Count) return 0;
        if (_isSeeded) _values[at] = (int)(SplitMix.Next(ref _state) % (ulong)bound);
        return _values[at] % bound;
    }

    /// <summary>True with a chance of one in <paramref name="times"/>; the simpler choice is false.</summary>
    public bool OneIn(int times) => Next(times) == times - 1;

    /// <summary>One of several; the first is the simplest.</summary>
    public T Of<T>(IReadOnlyList<T> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        return items[Next(items.Count)];
    }
}
