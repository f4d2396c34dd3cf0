using Akka.Actor;
using UffdActors.Handling;
using UffdActors.Model.Memory;
using UffdActors.Prefetch;

namespace UffdActors.Actors;

/// <summary>
/// The chunks that the background push has asked for and not begun to fill: on their way, or come. As many as its window and its rate
/// allow; all of them together are never more than the window's memory.
/// </summary>
/// <param name="vm">What the actors of the VM share.</param>
/// <param name="options">The push.</param>
/// <param name="wanted">The pages that are still to be brought.</param>
/// <param name="self">Its actor.</param>
internal sealed class PushPipeline(VmContext vm, PushOptions options, WantedPages wanted, IActorRef self)
{
    private readonly Stack<PushOrder> _spare = new();
    private readonly Queue<PushOrder> _answered = new();
    private readonly PushWindow _window = new(options.WindowChunks);
    private readonly PushRate _rate = options.Rate ?? new PushRate();
    private PushOrder? _failed;
    private int _asked;

    /// <summary>True if chunks are asked for while others are being filled.</summary>
    public bool AsksAhead => !_window.IsOne;

    /// <summary>True if a chunk is on its way.</summary>
    public bool IsAsking => _asked > 0;

    /// <summary>True if a chunk has come.</summary>
    public bool HasAnswer => _answered.Count > 0;

    /// <summary>True if an order has failed, and that has not been dealt with.</summary>
    public bool HasFailed => _failed is not null;

    /// <summary>True if <see cref="Ask"/> would ask for something now.</summary>
    public bool CanAsk => wanted.CanOrder && Wait == TimeSpan.Zero;

    private TimeSpan Wait => _rate.Wait(vm.Time.Now);

    /// <summary>True if it is the rate alone that lets nothing be asked for: then the actor is told to go on when it does.</summary>
    public bool WaitsForRate()
    {
        TimeSpan wait = Wait;
        if (wait <= TimeSpan.Zero || !wanted.CanOrder) return false;
        vm.Time.After(wait, self, VmProtocol.Resume.Instance);
        return true;
    }

    /// <summary>Asks for as much as there is room for; not while a failure has not been dealt with.</summary>
    public void Ask()
    {
        if (options.Pages.TakeDemanded() is >= 0 and var demanded)
        {
            _window.Shrink();
            wanted.Demand(demanded);
        }

        while (_failed is null && _asked + _answered.Count < _window.Chunks && CanAsk)
        {
            PushOrder order = _spare.TryPop(out PushOrder? spare)
                ? spare
                : new PushOrder(self, options.Region, new NativeBuffer((long)options.ChunkPages << PageSize.BaseShift));
            if (!wanted.TryOrder(order, options.ChunkPages))
            {
                _spare.Push(order);
                return;
            }

            _rate.Spend((long)order.Pages << PageSize.BaseShift, vm.Time.Now);
            _asked++;
            options.SourceActor.Tell(order, ActorRefs.NoSender);
        }
    }

    /// <summary>An order has been answered, or has failed: then its pages are wanted again, each by itself.</summary>
    public void Answered(PushOrder order)
    {
        _asked--;
        if (order.Failure is null)
        {
            _answered.Enqueue(order);
            foreach (PageRun piece in order.Pieces)
            {
                if (piece.Content == SourceContent.Zero) _rate.Refund((long)piece.Pages << PageSize.BaseShift);
            }

            return;
        }

        wanted.Fail(order.FirstPage, order.Pages);
        // Of several that fail at once one says why.
        if (_failed is null) _failed = order;
        else _spare.Push(order);
    }

    /// <summary>Takes the chunk that has come first.</summary>
    public bool TryTake([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out PushOrder? order) => _answered.TryDequeue(out order);

    /// <summary>A chunk is done with, in full or not.</summary>
    /// <param name="order">The chunk.</param>
    /// <param name="isFilled">Nothing has come in between.</param>
    public void GiveBack(PushOrder order, bool isFilled)
    {
        _spare.Push(order);
        if (isFilled) _window.Grow();
    }

    /// <summary>A failure has been waited out already.</summary>
    public void ForgetFailed()
    {
        if (TakeFailed() is { } failed) _spare.Push(failed);
    }

    /// <summary>Takes the order that has failed; null if none has.</summary>
    public PushOrder? TakeFailed()
    {
        PushOrder? failed = _failed;
        _failed = null;
        return failed;
    }
}
