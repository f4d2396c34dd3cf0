using UffdActors.Abi;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Tests.Actors;

namespace UffdActors.Tests.Handling;

/// <summary>What is decided about a fault, call by call: pure, so no ring runs.</summary>
public sealed class FillDecisionTests
{
    private const int Pages = 8;

    [Theory]
    [InlineData(FillKind.Copy, Errno.None, 4096L, FillAnswer.Filled)]
    [InlineData(FillKind.Copy, Errno.EEXIST, -17L, FillAnswer.Present)]
    [InlineData(FillKind.Continue, Errno.EEXIST, -17L, FillAnswer.Present)]
    [InlineData(FillKind.ZeroPage, Errno.EEXIST, -17L, FillAnswer.CopyZeros)]
    [InlineData(FillKind.Copy, Errno.EAGAIN, -11L, FillAnswer.Unread)]
    [InlineData(FillKind.Copy, Errno.EAGAIN, 4096L, FillAnswer.Partly)]
    [InlineData(FillKind.Copy, Errno.ENOENT, -2L, FillAnswer.Gone)]
    [InlineData(FillKind.Copy, Errno.ESRCH, null, FillAnswer.OwnerGone)]
    [InlineData(FillKind.Copy, Errno.EFAULT, -14L, FillAnswer.Unreadable)]
    [InlineData(FillKind.Continue, Errno.EFAULT, -14L, FillAnswer.Hole)]
    [InlineData(FillKind.Copy, Errno.ENOMEM, -12L, FillAnswer.NoMemory)]
    [InlineData(FillKind.ZeroPage, Errno.EINVAL, -22L, FillAnswer.CopyZeros)]
    [InlineData(FillKind.Copy, Errno.EINVAL, -22L, FillAnswer.Unfit)]
    [InlineData(FillKind.Copy, Errno.EIO, -5L, FillAnswer.Failed)]
    internal void Every_answer_of_the_kernel_says_one_thing_to_whoever_fills(
        FillKind kind, Errno error, long? result, FillAnswer expected) =>
        Assert.Equal(expected, FillAnswers.Read(kind, error, result));

    [Theory]
    [InlineData(FillAnswer.Present, Resolution.Wake)]
    [InlineData(FillAnswer.CopyZeros, Resolution.FillAgain)]
    [InlineData(FillAnswer.Unread, Resolution.Defer)]
    [InlineData(FillAnswer.Gone, Resolution.Wake)]
    [InlineData(FillAnswer.OwnerGone, Resolution.OwnerGone)]
    [InlineData(FillAnswer.Unreadable, Resolution.Wake)]
    [InlineData(FillAnswer.Hole, Resolution.WaitOut)]
    [InlineData(FillAnswer.NoMemory, Resolution.WaitOut)]
    [InlineData(FillAnswer.Unfit, Resolution.Refuse)]
    [InlineData(FillAnswer.Failed, Resolution.Refuse)]
    internal void Every_answer_has_one_consequence_for_a_fault(FillAnswer answer, Resolution expected)
    {
        PageRequest request = NewRequest(ResolveBy.Copy);
        Assert.Equal(expected, FaultResolver.After(request, answer, isRemoved: false));
        Assert.Equal(answer == FillAnswer.CopyZeros, request.CopiesZeros);
    }

    /// <summary>CONTINUE meets no page in the cache, and then COPY one, and then CONTINUE none again.</summary>
    [Fact]
    public void A_hole_behind_an_alias_is_copied_and_one_that_comes_and_goes_is_left_to_its_threads()
    {
        PageRequest request = NewRequest(ResolveBy.Continue);
        request.Fill.Begin(FillKind.Continue, request.Address, PageSize.Base, FillSource.Zero, FillModes.None);
        Assert.Equal(Resolution.Wake, FaultResolver.After(request, FillAnswer.Hole, isRemoved: true));
        Assert.Equal(Resolution.FillAgain, FaultResolver.After(request, FillAnswer.Hole, isRemoved: false));
        Assert.True(request.MeetsHole);
        request.Fill.Begin(FillKind.Copy, request.Address, PageSize.Base, FillSource.Zero, FillModes.None);
        Assert.Equal(Resolution.FillAgain, FaultResolver.After(request, FillAnswer.Present, isRemoved: false));
        Assert.Equal((false, true), (request.MeetsHole, request.WasHole));
        Assert.Equal(Resolution.Wake, FaultResolver.After(request, FillAnswer.Hole, isRemoved: false));
    }

    [Fact]
    public void The_same_fault_again_after_EEXIST_is_met_in_another_way_and_then_waited_out()
    {
        PageRequest request = NewRequest(ResolveBy.Copy);
        request.Streak = 2;
        Assert.Equal((Resolution.WaitOut, default), First(request));
        Assert.Equal((Resolution.Fetch, default), First(request, hasWaited: true));
        request.Region.Pages.Remove(3, 1);
        Assert.Equal((Resolution.Fill, FillKind.Copy), First(request, hasWaited: true));
        request.Streak = 1;
        Assert.Equal((Resolution.Fill, FillKind.Copy), First(request));
        request.Streak = 0;
        Assert.Equal((Resolution.Fill, FillKind.ZeroPage), First(request));
        // Patience is a time, and others look at the clock.
        request.Streak = 1000;
        Assert.Equal((Resolution.WaitOut, default), First(request));
    }

    [Theory]
    [InlineData(ResolveBy.Copy, SourceContent.Bytes, false, FillKind.Copy)]
    [InlineData(ResolveBy.Copy, SourceContent.Zero, false, FillKind.ZeroPage)]
    [InlineData(ResolveBy.Continue, SourceContent.Bytes, false, FillKind.Continue)]
    [InlineData(ResolveBy.Continue, SourceContent.Bytes, true, FillKind.Copy)]
    [InlineData(ResolveBy.ContinueAsIs, SourceContent.Zero, false, FillKind.Continue)]
    [InlineData(ResolveBy.ContinueAsIs, SourceContent.Zero, true, FillKind.ZeroPage)]
    internal void One_rule_says_which_call_fills_for_handlers_push_and_racers(
        ResolveBy by, SourceContent content, bool cacheIsEmpty, FillKind expected)
    {
        ServedRegion region = NewRegion(by);
        FillPlan plan = FillPlan.Of(7, region, new PageRun(3, 2, content, 0x5000), new FakeThread(), cacheIsEmpty);
        FillSource source = expected == FillKind.Copy ? FillSource.Buffer(0x5000) : FillSource.Zero;
        Assert.Equal(new FillPlan(expected, 103 * PageSize.Base, 2 * PageSize.Base, source, FillModes.None, 7), plan);
        // The zero page cannot be protected, and cannot take the place of a marker.
        bool isZeroPage = expected == FillKind.ZeroPage;
        FillPlan marked = FillPlan.Of(7, region, new PageRun(3, 1, content, 0), new FakeThread(), cacheIsEmpty, copiesZeros: true);
        Assert.Equal(isZeroPage ? FillKind.Copy : expected, marked.Kind);
        FillPlan kept = FillPlan.Of(7, region with { IsProtected = true }, new PageRun(3, 1, content, 0), new FakeThread(), cacheIsEmpty);
        Assert.Equal((isZeroPage ? FillKind.Copy : expected, FillModes.WriteProtect), (kept.Kind, kept.Modes));
    }

    [Theory]
    [InlineData(true, false, FillModes.None)]
    [InlineData(true, true, FillModes.WriteProtect)]
    [InlineData(false, false, FillModes.WriteProtect)]
    public void What_comes_back_is_protected_only_if_its_mark_is_there_still(bool wasMarked, bool hasMark, FillModes expected)
    {
        ServedRegion region = NewRegion(ResolveBy.ContinueAsIs) with { IsProtected = true };
        if (wasMarked) region.Pages.Mark(new PageRange(3, 4));
        FakeThread thread = new() { Protected = hasMark ? [103 * PageSize.Base] : [] };

        FillPlan plan = FillPlan.Of(7, region, new PageRun(3, 1, SourceContent.Bytes, 0), thread);

        Assert.Equal((FillKind.Continue, expected), (plan.Kind, plan.Modes));
    }

    private static (Resolution Step, FillKind Kind) First(PageRequest request, bool hasWaited = false)
    {
        Resolution step =
            FaultResolver.First(request, request.Region, decidedOn: 7, request.Handler.Thread, hasWaited, out FillPlan plan);
        Assert.Equal(step == Resolution.Fill ? 7 : 0, plan.DecidedOn);
        return (step, plan.Kind);
    }

    private static ServedRegion NewRegion(ResolveBy by) => new(
        0, new PageRange(100, 100 + Pages), 100, by, new RegionPages(Pages), by == ResolveBy.Continue ? new AliasPages(200, Pages) : null);

    private static PageRequest NewRequest(ResolveBy by)
    {
        FakeThread thread = new();
        HandlerSlot slot = new(0, thread);
        ServedRegion region = NewRegion(by);
        FaultReader reader = new(new FakeDescriptor(), [slot], RegionView.Empty.With(region), new ManualTime(), crashLimit: 2);
        return new PageRequest(reader, slot, new ManualTime()) { Region = region, Page = 3, Address = 103 * PageSize.Base };
    }
}
