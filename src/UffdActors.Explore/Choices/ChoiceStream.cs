namespace UffdActors.Explore.Choices;

/// <summary>
/// Every choice of a run in the order in which it is made: the scenario's, the schedule's and the fault points'. Drawn from a seed, or
/// given; any list is valid: values are taken modulo their bound, and behind the end every choice is 0. So a list of choices can be
/// truncated and changed at will, and still gives a run.
/// </summary>
/// <remarks>A choice with one value only is not recorded. 0 is always the plainest: the oldest message, no fault.</remarks>
internal sealed class ChoiceStream
{
    private readonly List<Choice> _taken = [];
    private IReadOnlyList<int>? _given;
    private ulong _state;

    /// <summary>The choices made so far.</summary>
    public IReadOnlyList<Choice> Taken => _taken;

    /// <summary>Starts a run whose choices come from a seed, behind some that are given.</summary>
    public void Begin(ulong seed)
    {
        _taken.Clear();
        _given = null;
        _state = seed;
    }

    /// <summary>Starts a run whose choices are given.</summary>
    public void Replay(IReadOnlyList<int> choices)
    {
        _taken.Clear();
        _given = choices;
    }

    /// <summary>True once in <paramref name="times"/>, never for 0. Recorded as one of two values.</summary>
    public bool OneIn(int times)
    {
        if (TryGiven(2, out int given)) return given == 1;
        if (times == 0) return Record(2, 0) == 1;
        return Record(2, SplitMix.Next(ref _state) % (ulong)times == 0 ? 1 : 0) == 1;
    }

    /// <summary>The value of a choice of a given run.</summary>
    public bool TryGiven(int bound, out int value)
    {
        value = 0;
        if (_given is null) return false;
        if (_taken.Count < _given.Count) value = (int)((uint)_given[_taken.Count] % (uint)bound);
        _taken.Add(new Choice(value, bound));
        return true;
    }

    /// <summary>Records what a policy has chosen.</summary>
    public int Record(int bound, int value)
    {
        _taken.Add(new Choice(value, bound));
        return value;
    }

    /// <summary>The values, without the zeros at the end.</summary>
    public int[] Values()
    {
        int count = _taken.Count;
        while (count > 0 && _taken[count - 1].Value == 0) count--;
        int[] values = new int[count];
        for (int i = 0; i < count; i++) values[i] = _taken[i].Value;
        return values;
    }
}
