using UffdActors.Model;

namespace UffdActors.Handling;

/// <summary>
/// Watches hooks of modules: as many at a time as there are slots. On the fault loop one is under way at most; where owners have threads of
/// their own, one for each of them.
/// </summary>
internal sealed class HookWatch : IHookWatch
{
    private const int Slots = 16;
    private readonly ForeignCall[] _calls = new ForeignCall[Slots];
    private readonly int[] _taken = new int[Slots];

    /// <param name="calls">What looks at them.</param>
    public HookWatch(ForeignCalls calls)
    {
        ArgumentNullException.ThrowIfNull(calls);
        for (int i = 0; i < Slots; i++) calls.Add(_calls[i] = new ForeignCall { EndsCalls = true });
    }

    /// <inheritdoc />
    public int Begin(string hook)
    {
        for (int i = 0; i < Slots; i++)
        {
            if (Volatile.Read(ref _taken[i]) != 0 || Interlocked.CompareExchange(ref _taken[i], 1, 0) != 0) continue;
            _calls[i].Begin(hook);
            return i;
        }

        return -1;
    }

    /// <inheritdoc />
    public void End(int call)
    {
        _calls[call].End();
        Volatile.Write(ref _taken[call], 0);
    }
}
