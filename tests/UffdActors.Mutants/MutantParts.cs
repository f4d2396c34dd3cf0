using UffdActors.Dispatch;
using UffdActors.Explore.Scenes;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Userfault;
using UffdActors.Worlds;

namespace UffdActors.Mutants;

/// <summary>Parts with other fills: those of a scenario's threads, and those of handlers and pushes.</summary>
internal sealed class FillParts(Func<Caller, Fill> fill, Func<Caller, UserfaultContext, PageRequest?, ModelFill> monitorFill) : RunParts
{
    public override Fill NewFill(Caller thread) => fill(thread);

    public override MonitorThread NewMonitorThread(Caller caller, UserfaultContext context) => new FillThread(caller, context, monitorFill);

    private sealed class FillThread(
        Caller caller, UserfaultContext context, Func<Caller, UserfaultContext, PageRequest?, ModelFill> monitorFill)
        : ModelThread(caller, context, splitsTurns: true)
    {
        private readonly Caller _caller = caller;
        private readonly UserfaultContext _context = context;

        public override IPageFill NewFill(PageRequest? request) => monitorFill(_caller, _context, request);
    }
}

/// <summary>Parts with another reader.</summary>
internal sealed class ReaderParts(Func<IUffdDescriptor, HandlerSlot[], RegionView, RingTime, int, FaultReader> reader) : RunParts
{
    public override FaultReader NewReader(
        IUffdDescriptor descriptor, HandlerSlot[] handlers, RegionView view, RingTime time, int crashLimit) =>
        reader(descriptor, handlers, view, time, crashLimit);
}
