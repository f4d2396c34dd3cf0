namespace UffdActors.Handling;

/// <summary>The calls that one caller makes, one at a time.</summary>
internal sealed class ForeignCall
{
    private int _count;
    private string _name = "";
    private volatile Action? _wake;

    /// <summary>What is being called, for reports.</summary>
    public string Name => Volatile.Read(ref _name);

    /// <summary>Raised at the beginning of a call and at its end.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>True while a call is under way.</summary>
    public bool IsUnderWay => (Count & 1) == 1;

    /// <summary>The count at the latest look.</summary>
    public int SeenCount { get; set; }

    /// <summary>Looks in a row that have found this count.</summary>
    public int Looks { get; set; }

    /// <summary>The call has been reported.</summary>
    public bool IsReported { get; set; }

    /// <summary>
    /// While it blocks for long, calls of the VM that wait end: nothing else of the embedder's can go on, as it may with a page source.
    /// </summary>
    public bool EndsCalls { get; init; }

    /// <summary>By which name.</summary>
    public string ReportedName { get; set; } = "";

    /// <summary>Called at the beginning of the next call while the thread that looks at calls sleeps; null while it is awake.</summary>
    public Action? Wake
    {
        get => _wake;
        set => _wake = value;
    }

    /// <summary>A call begins. By one thread at a time.</summary>
    public void Begin(string name)
    {
        _name = name;
        Volatile.Write(ref _count, _count + 1);
        // Behind the store of the count: the side that stops watching checks it afterwards, so one of the two sees the other.
        _wake?.Invoke();
    }

    /// <summary>It has come back.</summary>
    public void End() => Volatile.Write(ref _count, _count + 1);
}
