using UffdActors.Linux.Live;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.Stress.Guest;
using UffdActors.Stress.Plan;

namespace UffdActors.Stress.Injection;

/// <summary>
/// Drops, write-protects and pages out pages of the running guest, one call after the other, at moments that do not depend on the guest's
/// accesses.
/// </summary>
internal sealed class Agitator
{
    // Its number as a holder of page locks in the ledger.
    private const int Holder = int.MaxValue;
    private const ulong MostPagesOut = 16;

    private readonly UffdVm _vm;
    private readonly Userfault _userfault;
    private readonly GuestRegion _region;
    private readonly GuestRegion? _beside;
    private readonly RoundPlan _plan;
    private readonly StressOptions _options;
    private readonly Ledger _ledger;
    private readonly InjectedCounts _counts;
    private ulong _draws;

    public Agitator(
        UffdVm vm, Userfault userfault, GuestRegion region, GuestRegion? beside, RoundPlan plan, StressOptions options, Ledger ledger,
        InjectedCounts counts)
    {
        _vm = vm;
        _userfault = userfault;
        _region = region;
        _beside = beside;
        _plan = plan;
        _options = options;
        _ledger = ledger;
        _counts = counts;
        _draws = plan.Seed ^ 0xA617;
    }

    /// <summary>The call under way, for reports; null if there is none. Any thread.</summary>
    public string? Doing { get; private set; }

    /// <summary>The call that drops a page, for the backend and the kind of drop.</summary>
    public static Advice AdviceOf(StressOptions options, DropKind drops) =>
        options.Backend is null || drops == DropKind.FromMapping ? Advice.DontNeed : Advice.Remove;

    /// <summary>Runs until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        bool drops = _plan.Drops != DropKind.BetweenLaps;
        while (!stop.IsCancellationRequested && _ledger.Violation is null && (drops || _plan.Protects || _options.PageOutRate > 0))
        {
            long page = (long)(SplitMix.Next(ref _draws) % (ulong)_region.Pages);
            if (Chance.Of(_options.PageOutRate, ref _draws) || !(drops || _plan.Protects)) await PageOutAsync(page);
            else if (_plan.Protects && (!drops || SplitMix.Next(ref _draws) % 2 == 0)) await ProtectAsync(page);
            else if (_plan.Drops == DropKind.FromMapping) await DropAsync(page, "madvise(MADV_DONTNEED)");
            else if (Chance.Of(_options.EagainRate, ref _draws)) await BurstAsync();
            else await GiveBackAsync(page);
            Doing = null;
            await PauseAsync(stop);
        }
    }

    private async Task GiveBackAsync(long page)
    {
        if (!TryLock(page)) return;
        _ledger.GiveBack(page);
        // A lock in the page is dropped with it, so the ledger is released before.
        if (_vm.Kernel is LiveKernel) _ledger.Release(page);
        await DropAsync(page, "madvise that announces the page's removal");
        _ledger.Gone(page);
        if (_vm.Kernel is not LiveKernel) _ledger.Release(page);
    }

    private bool TryLock(long page)
    {
        Doing = $"the lock of page {page}";
        if (_vm.Kernel is LiveKernel kernel && !kernel.MemoryOf(_region).Guest.TryLock((page << PageSize.BaseShift) + PageLayout.Lock))
            return false;
        if (_ledger.Claim(page, Holder)) return true;
        if (_vm.Kernel is LiveKernel)
            _ledger.Violate(
                StressOracle.Exclusion, $"the lock of page {page} was free, and vCPU {_ledger.HolderOf(page) - 1} has it", page);
        return false;
    }

    private Task DropAsync(long page, string call)
    {
        Doing = $"{call} of page {page}";
        _counts.Add(Injected.PageDrop);
        return _vm.AdviseAsync(_region, page, 1, AdviceOf(_options, _plan.Drops));
    }

    private Task BurstAsync()
    {
        Doing = "madvise beside the guest";
        _counts.Add(Injected.ChangeBurst);
        return _vm.AdviseAsync(_beside!, 0, 1, Advice.DontNeed);
    }

    // Several at once, as the kernel does under pressure.
    private Task PageOutAsync(long page)
    {
        long pages = Math.Min(_region.Pages - page, 1 + (long)(SplitMix.Next(ref _draws) % MostPagesOut));
        Doing = $"madvise(MADV_PAGEOUT) of {pages} pages from {page} on";
        _counts.Add(Injected.PageOut);
        return _vm.AdviseAsync(_region, page, pages, Advice.PageOut);
    }

    private async Task ProtectAsync(long page)
    {
        Doing = $"write protection of page {page}";
        // EAGAIN, while an event is unread, is an expected result.
        Errno error = (await _userfault.ProtectAsync(_region, page, 1)).Error;
        _counts.AddFill(error);
        if (error == Errno.None) _counts.Add(Injected.Protection);
        else if (error != Errno.EAGAIN)
            _ledger.Violate(StressOracle.Incidents, $"UFFDIO_WRITEPROTECT of page {page} failed with {error}", page);
    }

    // Sometimes without a pause, so that calls follow each other closely; else a moment later.
    private async Task PauseAsync(CancellationToken stop)
    {
        if (SplitMix.Next(ref _draws) % 4 == 0) await Task.Yield();
        else await Moments.AfterAsync(1 + (int)(_draws % 2), stop);
    }
}
