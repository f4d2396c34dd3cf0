using Akka.Actor;
using UffdActors.Handling;
using UffdActors.Model.Memory;
using UffdActors.Stress.Guest;

namespace UffdActors.Stress.Injection;

/// <summary>
/// A resolver beside the handlers: fills pages that are about to be touched or filled, by the rules of every resolver (RING R9), so that
/// the second fill gets EEXIST.
/// </summary>
/// <remarks>
/// States: idle; filling, in which further requests are ignored; fencing, until all demands raised before are served.
/// </remarks>
internal sealed class RacerActor(RacerOptions options) : UntypedActor
{
    private readonly IPageFill _fill = options.Thread.NewFill(null);
    private readonly Queue<Fence> _fences = new();
    private bool _isFilling;
    private PushGate? _gate;

    /// <summary>Makes one for a userfaultfd that is served.</summary>
    public static async Task<IActorRef> StartAsync(
        UffdVm vm, Userfault userfault, GuestRegion region, ShadowPages shadow, InjectedCounts counts)
    {
        RacerOptions options =
            new(userfault.Kernel.NewMonitorThread(), userfault.Reader!, userfault.Kernel.Actor, region.Id, shadow, counts);
        return await vm.Root.StartActorAsync(
            Props.Create<RacerActor>(options).WithDispatcher(vm.Context.DispatcherId), vm.Root.NewName("racer"));
    }

    protected override void PreStart() => options.Thread.Attach(Self);

    protected override void PostStop() => options.Thread.Exit();

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Race race when !_isFilling:
                Begin(race.Page);
                break;
            case Race:
                break;
            case IMonitorCall call:
                if (call.Advance()) OnEnded();
                break;
            case Fence fence:
                _fences.Enqueue(fence);
                GoOnFencing();
                break;
            case PushGate gate when gate == _gate:
                _gate = null;
                _fences.Dequeue().Passed.SetResult();
                GoOnFencing();
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void Begin(long page)
    {
        // First the epoch, then the view: an event that comes in between makes the fill end with EAGAIN.
        long epoch = options.Thread.ChangeEpoch;
        RegionView view = options.Reader.View;
        ServedRegion? region = view.FindPart(options.Region, page);
        if (region is null) return;
        bool zeros = region.Pages.IsRemoved(page) || options.Shadow.IsZero(page);
        FillPlan plan = FillPlan.Of(
            epoch, region,
            new PageRun(page, 1, zeros ? SourceContent.Zero : SourceContent.Bytes, zeros ? 0 : options.Shadow.AddressOf(page)),
            options.Thread);
        // A page that is not in the cache yet cannot be mapped.
        if (plan.Kind == FillKind.Continue && !region.Alias!.IsWritten(page)) return;
        _isFilling = true;
        plan.Begin(_fill);
        if (_fill.Advance()) OnEnded();
    }

    private void OnEnded()
    {
        _isFilling = false;
        options.Counts.AddFill(_fill.Error);
        switch (FillAnswers.Read(_fill))
        {
            case FillAnswer.Filled:
                options.Counts.Add(Injected.RacerFill);
                break;
            case FillAnswer.Present or FillAnswer.CopyZeros:
                options.Thread.Wake(_fill.Start, PageSize.Base);
                break;
        }

        GoOnFencing();
    }

    private void GoOnFencing()
    {
        if (_isFilling || _gate is not null || _fences.Count == 0) return;
        _gate = new PushGate(Self);
        options.Context.Tell(_gate, ActorRefs.NoSender);
    }

    /// <summary>This page is about to be filled: fill it too.</summary>
    internal sealed record Race(long Page);

    /// <summary>Passed when this resolver is idle and every demand raised before has been served.</summary>
    internal sealed record Fence(TaskCompletionSource Passed);
}
