using Akka.Dispatch;

namespace UffdActors.Dispatch;

/// <summary>A ring of tasks; for one thread.</summary>
/// <param name="initial">Tasks that there is room for at first, a power of two.</param>
internal sealed class RunQueue(int initial = 256)
{
    private Slot[] _ring = new Slot[initial];
    private int _head;
    private int _tail;

    public bool IsEmpty => _head == _tail;

    public void Push(IRunnable task)
    {
        Slot[] ring = _ring;
        ring[_tail & (ring.Length - 1)].Task = task;
        _tail++;
        if (_tail - _head == ring.Length) Grow();
    }

    public bool TryPop(out IRunnable task)
    {
        if (_head == _tail)
        {
            task = null!;
            return false;
        }

        ref Slot slot = ref _ring[_head & (_ring.Length - 1)];
        task = slot.Task!;
        slot.Task = null;
        _head++;
        return true;
    }

    private void Grow()
    {
        var ring = new Slot[_ring.Length * 2];
        for (int i = _head; i != _tail; i++) ring[i & (ring.Length - 1)] = _ring[i & (_ring.Length - 1)];
        _ring = ring;
    }

    // In an array of references every store checks the type of what is stored; in an array of structures none does.
    private struct Slot
    {
        public IRunnable? Task;
    }
}
