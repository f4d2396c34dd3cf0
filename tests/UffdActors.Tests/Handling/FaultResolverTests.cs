using UffdActors.Abi;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Tests.Actors;

namespace UffdActors.Tests.Handling;

/// <summary>What a handler decides about one page, without actors (RING P): removed and lost pages, protection, and the alias.</summary>
public sealed class FaultResolverTests
{
    private const long Page = 3;
    private const ulong Address = 103 * PageSize.Base;
    private const nint Bytes = 0x5000;
    private const ulong AliasAddress = 203 * PageSize.Base;

    private readonly FakeThread _thread = new();

    [Fact]
    public void A_write_to_a_protected_page_is_no_fill_whatever_else_is_known_of_the_page()
    {
        PageRequest request = NewRequest(ResolveBy.ContinueAsIs);
        request.Flags = FaultFlags.Wp | FaultFlags.Write;
        request.Region.Pages.Remove(Page, 1);
        request.Streak = 5;
        Assert.Equal((Resolution.ClearProtection, default), First(request));
    }

    [Fact]
    public void A_new_fault_knows_nothing_of_the_holes_that_an_earlier_one_has_met()
    {
        PageRequest request = NewRequest(ResolveBy.Continue);
        request.CopiesZeros = request.MeetsHole = request.WasHole = request.TakesNoCopy = true;
        Assert.Equal((Resolution.Fetch, default), First(request));
        Assert.False(request.CopiesZeros || request.MeetsHole || request.WasHole || request.TakesNoCopy);
    }

    /// <summary>Whatever it is that does not fill the page: a fault that comes a third time waits, and does not go round.</summary>
    [Theory]
    [InlineData(ResolveBy.ContinueAsIs, true, Errno.EFAULT)]
    [InlineData(ResolveBy.Continue, true, Errno.EFAULT)]
    [InlineData(ResolveBy.Copy, false, Errno.EEXIST)]
    internal void A_fault_that_comes_again_and_again_is_waited_out(ResolveBy by, bool isMinor, Errno error)
    {
        PageRequest request = NewRequest(by);
        request.Flags = isMinor ? FaultFlags.Minor : FaultFlags.None;
        (request.Streak, request.StreakError) = (1, error);
        Assert.NotEqual(Resolution.WaitOut, First(request).Item1);
        Assert.Equal(error == Errno.EEXIST, request.CopiesZeros);
        request.Streak = 2;
        Assert.Equal(Resolution.WaitOut, First(request).Item1);
    }

    [Theory]
    [InlineData(ResolveBy.ContinueAsIs, false, true, FillKind.Continue)]
    [InlineData(ResolveBy.ContinueAsIs, true, true, FillKind.Continue)]
    [InlineData(ResolveBy.Continue, true, true, FillKind.Continue)]
    [InlineData(ResolveBy.Continue, false, true, null)]
    [InlineData(ResolveBy.ContinueAsIs, true, false, FillKind.ZeroPage)]
    [InlineData(ResolveBy.ContinueAsIs, false, false, null)]
    internal void What_the_cache_has_is_mapped_as_it_is_where_it_is_right_and_what_was_removed_is_zeros(
        ResolveBy by, bool isRemoved, bool isMinor, FillKind? fill)
    {
        PageRequest request = NewRequest(by);
        request.Flags = isMinor ? FaultFlags.Minor : FaultFlags.None;
        if (isRemoved) request.Region.Pages.Remove(Page, 1);
        (Resolution step, FillPlan plan) = First(request);
        Assert.Equal(fill is null ? Resolution.Fetch : Resolution.Fill, step);
        if (fill is null) return;
        Assert.Equal(new FillPlan(fill.Value, Address, PageSize.Base, FillSource.Zero, FillModes.None, 7), plan);
        Assert.Equal(isMinor ? SourceContent.Bytes : SourceContent.Zero, request.Content);
    }

    /// <summary>A page that was received, has left the mapping, and was open when it is mapped again may have been written.</summary>
    [Theory]
    [InlineData(true, true, true, false, PageState.Written)]
    [InlineData(true, true, true, true, PageState.Removed)]
    [InlineData(true, true, false, false, PageState.Removed)]
    [InlineData(true, false, true, false, PageState.FromSource)]
    [InlineData(false, true, true, false, PageState.Removed)]
    internal void A_page_that_is_mapped_again_protected_was_written_if_it_was_open(
        bool isWatched, bool isRemoved, bool isReceived, bool hasProtection, PageState expected)
    {
        PageRequest request = NewRequest(ResolveBy.ContinueAsIs);
        request.Region = request.Region with { IsProtected = isWatched };
        request.Flags = FaultFlags.Minor;
        if (isReceived) request.Region.Pages.Fill(Page, 1, isZero: false);
        request.Region.Pages.Remove(isRemoved ? Page : Page + 1, 1);
        _thread.Protected = hasProtection ? [Address] : [];
        (Resolution step, FillPlan plan) = First(request);
        bool isProtected = isWatched && !(isReceived && !hasProtection);
        Assert.Equal(
            (Resolution.Fill, FillKind.Continue, isProtected ? FillModes.WriteProtect : FillModes.None), (step, plan.Kind, plan.Modes));
        Assert.Equal(expected, request.Region.Pages.StateOf(Page));
    }

    [Theory]
    [InlineData(false, FillKind.Poison)]
    [InlineData(true, FillKind.ZeroPage)]
    internal void A_page_that_is_lost_is_poison_unless_the_guest_has_given_it_back(bool isRemoved, FillKind expected)
    {
        PageRequest request = NewRequest(ResolveBy.Copy, SourceContent.Bytes);
        request.Failure = new PageLostException("lost");
        if (isRemoved) request.Region.Pages.Remove(Page, 1);
        Assert.Equal(
            (Resolution.Fill, new FillPlan(expected, Address, PageSize.Base, FillSource.Zero, FillModes.None, 7)), WithContent(request));
    }

    [Theory]
    [InlineData(Page, FillKind.ZeroPage)]
    [InlineData(Page + 1, FillKind.Copy)]
    internal void What_was_removed_while_it_was_fetched_does_not_come_back(long removed, FillKind expected)
    {
        PageRequest request = NewRequest(ResolveBy.Copy, SourceContent.Bytes);
        request.Region.Pages.Remove(removed, 1);
        FillSource source = expected == FillKind.Copy ? FillSource.Buffer(Bytes) : FillSource.Zero;
        Assert.Equal(
            (Resolution.Fill, new FillPlan(expected, Address, PageSize.Base, source, FillModes.None, 7)), WithContent(request));
    }

    [Fact]
    public void Content_goes_in_through_the_alias_once_and_is_mapped()
    {
        PageRequest request = NewRequest(ResolveBy.Continue, SourceContent.Bytes);
        for (int time = 0; time < 2; time++)
        {
            Assert.Equal(
                (Resolution.Fill, new FillPlan(FillKind.Continue, Address, PageSize.Base, FillSource.Zero, FillModes.None, 7)),
                WithContent(request));
            Assert.Equal([(AliasAddress, Bytes, PageSize.Base)], _thread.AliasWrites);
        }

        Assert.True(request.Region.Alias!.IsWritten(Page));
        Assert.False(request.HasClaim);
    }

    [Fact]
    public void A_page_that_the_push_has_claimed_is_left_to_it_and_one_that_was_claimed_before_is_written()
    {
        PageRequest request = NewRequest(ResolveBy.Continue, SourceContent.Bytes);
        Assert.True(request.Region.Alias!.TryClaim(Page));
        Assert.Equal(Resolution.Defer, WithContent(request).Step);
        Assert.False(request.HasClaim);
        Assert.Empty(_thread.AliasWrites);
        request.HasClaim = true;
        Assert.Equal(Resolution.Fill, WithContent(request).Step);
        Assert.Equal((1, false), (_thread.AliasWrites.Count, request.HasClaim));
    }

    /// <summary>The alias was populated, so where it has nothing there is a hole; that is copied, which is refused if it is none.</summary>
    [Theory]
    [InlineData(SourceContent.Bytes, FillKind.Copy)]
    [InlineData(SourceContent.Zero, FillKind.Continue)]
    internal void Where_the_alias_has_no_page_what_comes_is_copied_and_zeros_are_there(SourceContent content, FillKind expected)
    {
        _thread.AliasIsMapped = false;
        PageRequest request = NewRequest(ResolveBy.Continue, content);
        (Resolution step, FillPlan plan) = WithContent(request);
        bool isHole = expected == FillKind.Copy;
        Assert.Equal((Resolution.Fill, expected, isHole), (step, plan.Kind, request.MeetsHole));
        Assert.Equal(isHole ? FillSource.Buffer(Bytes) : FillSource.Zero, plan.Source);
        Assert.Equal((true, false), (request.Region.Alias!.IsWritten(Page), request.HasClaim));
    }

    /// <summary>Memory that takes no COPY: its hole is faulted in like any other memory, and then written; the claim is kept.</summary>
    [Fact]
    public void Where_no_copy_is_taken_the_page_of_the_alias_is_populated_and_then_written()
    {
        _thread.AliasIsMapped = false;
        PageRequest request = NewRequest(ResolveBy.Continue, SourceContent.Bytes);
        request.TakesNoCopy = true;
        Assert.Equal((Resolution.Populate, true), (WithContent(request).Step, request.HasClaim));
        Assert.Equal((false, false), (request.Region.Alias!.IsWritten(Page), request.MeetsHole));
        _thread.AliasIsMapped = true;
        (Resolution step, FillPlan plan) = WithContent(request);
        Assert.Equal((Resolution.Fill, FillKind.Continue, false), (step, plan.Kind, request.HasClaim));
        _ = Assert.Single(_thread.AliasWrites);
    }

    [Theory]
    [InlineData(0, RequestPhase.New, Resolution.Fill)]
    [InlineData(1, RequestPhase.Populating, Resolution.Fill)]
    [InlineData(1, RequestPhase.New, Resolution.Populate)]
    internal void Zeros_are_in_the_cache_until_an_attempt_has_shown_that_they_are_not(int attempts, RequestPhase phase, Resolution expected)
    {
        PageRequest request = NewRequest(ResolveBy.Continue, SourceContent.Zero);
        (request.TakesNoCopy, request.Attempts, request.Phase) = (true, attempts, phase);
        Assert.Equal(expected, WithContent(request).Step);
        Assert.Empty(_thread.AliasWrites);
    }

    [Fact]
    public void A_hole_is_copied_and_nothing_is_written_through_the_alias()
    {
        PageRequest request = NewRequest(ResolveBy.Continue, SourceContent.Zero);
        request.MeetsHole = true;
        Assert.Equal(FillKind.ZeroPage, WithContent(request).Plan.Kind);
        request.CopiesZeros = true;
        Assert.Equal(FillKind.Copy, WithContent(request).Plan.Kind);
        Assert.False(request.Region.Alias!.IsWritten(Page));
    }

    [Fact]
    public void Memory_that_refuses_the_copy_of_a_hole_is_written_through_the_alias_again_and_then_waited_out()
    {
        PageRequest request = NewRequest(ResolveBy.Continue, SourceContent.Bytes);
        AliasPages alias = request.Region.Alias!;
        alias.MarkWritten(Page);
        Assert.Equal(Resolution.FillAgain, FaultResolver.After(request, FillAnswer.Hole, isRemoved: false));
        request.Fill.Begin(FillKind.Copy, Address, PageSize.Base, FillSource.Zero, FillModes.None);
        Assert.Equal(Resolution.FillAgain, FaultResolver.After(request, FillAnswer.Unfit, isRemoved: false));
        Assert.Equal((false, false, true), (request.MeetsHole, request.WasHole, request.TakesNoCopy));
        Assert.False(alias.IsWritten(Page));

        alias.MarkWritten(Page);
        Assert.Equal(Resolution.WaitOut, FaultResolver.After(request, FillAnswer.Hole, isRemoved: false));
        Assert.False(alias.IsWritten(Page) || request.MeetsHole);
        Assert.True(alias.TryClaim(Page));
    }

    /// <summary>What is refused by another call than the copy of a hole means what it always means.</summary>
    [Theory]
    [InlineData(false, FillKind.Copy)]
    [InlineData(true, FillKind.ZeroPage)]
    internal void Only_the_copy_of_a_hole_is_answered_by_mapping_what_is_there(bool meetsHole, FillKind kind)
    {
        PageRequest request = NewRequest(ResolveBy.Continue);
        request.MeetsHole = meetsHole;
        request.Fill.Begin(kind, Address, PageSize.Base, FillSource.Zero, FillModes.None);
        Assert.Equal(Resolution.Wake, FaultResolver.After(request, FillAnswer.Present, isRemoved: false));
        Assert.Equal(Resolution.Refuse, FaultResolver.After(request, FillAnswer.Unfit, isRemoved: false));
        Assert.Equal(meetsHole, request.MeetsHole);
    }

    /// <summary>The thread faults again: as a missing page, where that is registered, which is copied.</summary>
    [Fact]
    public void A_hole_that_raises_MISSING_is_left_to_its_threads_and_one_that_does_not_is_waited_out()
    {
        PageRequest request = NewRequest(ResolveBy.ContinueAsIs);
        Assert.Equal(Resolution.WaitOut, FaultResolver.After(request, FillAnswer.Hole, isRemoved: false));
        request.Region = request.Region with { CopiesHoles = true };
        Assert.Equal(Resolution.Wake, FaultResolver.After(request, FillAnswer.Hole, isRemoved: false));
    }

    [Fact]
    public void A_probe_asks_for_the_front_of_the_same_place_and_takes_nothing()
    {
        PageRequest request = NewRequest(ResolveBy.Copy, SourceContent.Bytes);
        FillPlan plan = FillPlan.Of(7, request.Region, new PageRun(Page, 4, SourceContent.Bytes, Bytes), new FakeThread());
        Assert.Equal(
            new FillPlan(FillKind.Continue, Address, 2 * PageSize.Base, FillSource.Zero, FillModes.WriteProtect, 7),
            plan.AsProbe(FillModes.WriteProtect, hasLeftOpen: false, 2));
    }

    private (Resolution Step, FillPlan Plan) First(PageRequest request) =>
        (FaultResolver.First(request, request.Region, decidedOn: 7, _thread, hasWaited: false, out FillPlan plan), plan);

    private (Resolution Step, FillPlan Plan) WithContent(PageRequest request) =>
        (FaultResolver.WithContent(request, request.Region, decidedOn: 7, _thread, out FillPlan plan), plan);

    private PageRequest NewRequest(ResolveBy by, SourceContent content = SourceContent.Zero)
    {
        HandlerSlot slot = new(0, _thread);
        ServedRegion region = new(
            0, new PageRange(100, 108), 100, by, new RegionPages(8), by == ResolveBy.Continue ? new AliasPages(200, 8) : null);
        FaultReader reader = new(new FakeDescriptor(), [slot], RegionView.Empty.With(region), new ManualTime(), crashLimit: 2);
        return new PageRequest(reader, slot, new ManualTime())
        {
            Region = region,
            Page = Page,
            Address = Address,
            Content = content,
            Data = content == SourceContent.Bytes ? Bytes : 0,
        };
    }
}
