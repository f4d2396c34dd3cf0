using System.Runtime.InteropServices;
using UffdActors.Abi;
using UffdActors.Actors;
using UffdActors.Explore.Faults;
using UffdActors.Explore.Scenarios;
using UffdActors.Explore.Worlds;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Explore.Oracles;

/// <summary>
/// What must hold in every run, after every step and at the end (SEMANTICS 9.3; RING R, P, F): the first thing that does not is
/// the run's violation.
/// </summary>
internal sealed class RunOracle
{
    private readonly ExploreWorld _world;
    private readonly RunWorld _run;
    private readonly PageHistory[] _histories;
    private readonly Entry[] _entries;
    private readonly (int Region, int Page)[] _pages;
    private readonly ulong?[] _frozen;
    private readonly uint[] _frozenFolio;
    private readonly int[] _identity;
    private readonly bool[] _unchecked;
    private readonly ulong[] _initial;
    private readonly bool[] _comesAgain;
    private readonly int[] _unread;
    private readonly int[] _sleeping;
    private readonly uint[] _mapped;
    private readonly HashSet<ulong> _addresses = [];
    private readonly HashSet<UserfaultContext> _refusedByDeath = [];
    private uint _everThere;
    private uint _protected;

    public RunOracle(ExploreWorld world, RunWorld run)
    {
        _world = world;
        _run = run;
        int pages = world.Scenario.Pages;
        _histories = [.. Enumerable.Range(0, pages).Select(_ => new PageHistory())];
        _entries = new Entry[pages];
        _frozen = new ulong?[pages];
        _frozenFolio = new uint[pages];
        _pages = [.. world.Scenario.Regions.SelectMany((r, i) => Enumerable.Range(0, r.Pages).Select(p => (i, p)))];
        _identity = Identities();
        _unchecked = Unchecked();
        _initial = new ulong[pages];
        _comesAgain = [.. Enumerable.Range(0, pages).Select(i => ServedBy(_identity[i]) is not null)];
        _unread = new int[run.Contexts.Length];
        _sleeping = new int[run.Contexts.Length];
        _mapped = new uint[world.Scenario.Threads.Length];
        Incidents = new RunIncidents(world.Vm.Incidents);
    }

    /// <summary>What the run has broken; null if nothing.</summary>
    public Violation? Violation { get; private set; }

    /// <summary>What has been reported.</summary>
    public RunIncidents Incidents { get; }

    /// <summary>Grows with every step that has changed a page, and with every action that has ended.</summary>
    public long Changes { get; private set; }

    private Scenario Scenario => _world.Scenario;

    private RegionLayout Layout => _world.Layout;

    /// <summary>The run's first step is next.</summary>
    public void Begin()
    {
        Incidents.Begin();
        for (int i = 0; i < _entries.Length; i++)
        {
            _entries[i] = EntryOf(i);
            if (_entries[i].IsPresent) NoteThere(i);
            if (_entries[i].IsWp) _protected |= 1u << i;
            // What the set-up has left there, or what will come.
            _initial[i] = _entries[i].IsPresent ? ContentOf(_entries[i], 0) : InitialOf(i);
        }
    }

    /// <summary>Notes what the next step starts from.</summary>
    public void BeforeStep()
    {
        for (int i = 0; i < _unread.Length; i++)
        {
            _unread[i] = _run.Contexts[i].UnreadEvents;
            _sleeping[i] = _run.Contexts[i].Total;
        }
    }

    /// <summary>State, before the latest step, of the page that a message is about; null if it is about none.</summary>
    public EntryKind? StateBefore(object? message)
    {
        ulong? address = message switch
        {
            PageRequest request => request.Address,
            Fill fill => fill.Start,
            Access access => access.Address,
            _ => null,
        };
        if (address is null) return null;
        (int region, int page) = RegionLayout.PlaceOf(address.Value);
        return region >= 0 && region < Scenario.Regions.Length && page < Scenario.Regions[region].Pages
            ? _entries[_world.Content.IndexOf(region, page)].Kind
            : null;
    }

    /// <summary>A step has been made.</summary>
    /// <returns>What has changed, in words, if that is asked for.</returns>
    public string AfterStep(int step, ref TraceHash hash, bool describe)
    {
        string changes = "";
        bool changed = false;
        for (int i = 0; i < _entries.Length; i++)
        {
            Entry now = EntryOf(i);
            Entry before = _entries[i];
            if (now == before) continue;
            changed = true;
            _entries[i] = now;
            hash.Add(((ulong)i << 8) | ((ulong)now.Kind << 2) | (now.IsWp ? 1u : 0) | (now.IsShared ? 2u : 0));
            if (describe) changes += $"{(changes.Length > 0 ? ", " : "")}{NameOf(i)} {before.Kind} -> {now.Kind}{(now.IsWp ? " wp" : "")}";
            if (now.IsPresent) NoteThere(i);
            CheckHooked(i, before, now, step);
            if (before.IsWp && !now.IsWp && _world.Order.Message is IMonitorCall and WriteProtect clearing) NoteGiven(i, clearing);
            if (!before.IsPresent && now.IsPresent) CheckFill(i, step);
        }

        if (changed)
        {
            Changes++;
            CheckSharing(step);
        }

        CheckFrozen(step);
        CheckRequests(step);
        CheckWaiters(step);
        CheckWoken(step);
        if (!_run.Mm.IsAlive) CheckDeath(step);
        return changes;
    }

    /// <summary>Nothing is runnable: every sleeping thread must be known to somebody who will wake it (no lost wake).</summary>
    public void AtQuiet(int step)
    {
        for (int i = 0; i < _run.Contexts.Length; i++)
        {
            UserfaultContext context = _run.Contexts[i];
            int sleeping = 0;
            foreach (Access access in context.Waiters())
            {
                sleeping++;
                if (_run.Readers[i] is { } reader && !IsKnown(reader, access))
                    Fail("no-lost-wake", $"{access.Caller} sleeps on {NameOf(access.MessageAddress)}, and nobody is at work on that page",
                        step);
            }

            if (sleeping != context.Total)
                Fail("queues", $"{Scenario.Contexts[i].Name} counts {context.Total} sleeping threads, and there are {sleeping}", step);
            if (_run.Readers[i] is not null && context.UnreadEvents > 0)
                Fail("events-are-read", $"an event of {Scenario.Contexts[i].Name} is unread, and nobody is about to read it", step);
        }
    }

    /// <summary>A thread's action begins: what is mapped now is what it may find.</summary>
    public void Began(int thread, ThreadAction action) => _mapped[thread] = TakesPages(action, out _, out _) ? Mapped() : 0;

    /// <summary>A thread's action has ended.</summary>
    public void Finished(int thread, ThreadAction action, Operation operation, int start, int end, ulong value)
    {
        Changes++;
        switch (operation)
        {
            case Access access:
                OnAccess(thread, action, access, start, end);
                break;
            case Fill fill:
                OnFill(action, fill, start, end);
                break;
            case Peek peek:
                OnPeek(_world.Content.IndexOf(action.Region, action.Page), peek, start, end);
                break;
            case WriteProtect { Error: Errno.None } when action.Kind == ActionKind.Protect:
                for (int i = 0; i < action.Count; i++) Freeze(_world.Content.IndexOf(action.Region, action.Page + i));
                break;
            case ControlOperation call:
                if (TakesPages(action, out bool always, out bool whole)) Take(action, call, always, whole, start, end, _mapped[thread]);
                if (action.Kind is ActionKind.Mremap or ActionKind.MremapKeep) NoteMerged(start, end);
                break;
        }
    }

    /// <summary>
    /// The run is over and everything is quiet: what is there now must be what the history allows, and nothing may be lost.
    /// </summary>
    public void AtRest(int step, IReadOnlyList<AddressSpace> children)
    {
        for (int i = 0; i < _pages.Length; i++)
        {
            // The content at the end is a last read of every page that is there.
            if (_entries[i].HoldsPage && _run.Mm.Map.Find(PageOf(i)) is not null)
                _histories[_identity[i]].Add(new PageEvent(PageEventKind.Read, ContentOf(_entries[i], 0), step, step));
        }

        for (int i = 0; i < _pages.Length && Violation is null; i++)
        {
            if (_unchecked[i] || _identity[i] != i || _histories[i].IsExplained(_initial[i])) continue;
            Fail("history", $"{NameOf(i)}: no order of the events explains what was read: {Describe(_histories[i])}", step);
        }

        CheckTails(step);
        CheckReceived(step);
        CheckAccounts(step, children);
        CheckPushes(step);
        CheckViews(step);
        CheckDirty(step);
        CheckRemovals(step);
        CheckTold(step);
        if (!_run.Mm.IsAlive) CheckToldOfDeath(step);
    }

    /// <summary>Everything has been given back.</summary>
    public void AfterEnd(int step)
    {
        if (_world.Folios.InUse != 0 && !_run.HasReapedCalls)
            Fail("conservation", $"{_world.Folios.InUse} pages are still in use after everything was given back", step);
    }

    /// <summary>Records the first violation.</summary>
    public void Fail(string invariant, string sentence, int step) => Violation ??= new Violation(invariant, sentence, step);

    private void OnAccess(int thread, ThreadAction action, Access access, int start, int end)
    {
        int index = _world.Content.IndexOf(action.Region, action.Page);
        switch (access.Outcome)
        {
            case AccessOutcome.Ok when action.Kind == ActionKind.ReadChild:
                CheckChildRead(index, access.Value, end);
                break;
            case AccessOutcome.Ok:
                PageEventKind kind = action.Kind == ActionKind.Read ? PageEventKind.Read : PageEventKind.Write;
                _histories[_identity[index]].Add(new PageEvent(kind, access.Value, start, end));
                break;
            case AccessOutcome.SigBus when Scenario.Has(ActionKind.Poison) || Scenario.Setup.Any(a => a.Kind == ActionKind.Poison):
            case AccessOutcome.SigSegv
                when Scenario.Has(ActionKind.Munmap) || Scenario.Has(ActionKind.Mremap) || Scenario.Has(ActionKind.MremapKeep)
                    || Scenario.Regions[action.Region].Memory == MemoryKind.Nothing:
                break;
            default:
                Fail("signals",
                    $"{Scenario.Threads[thread].Name} got {access.Outcome} at {NameOf(index)}, and nothing in the scenario may cause it",
                    end);
                break;
        }
    }

    // What lies here may have come from another place, and counts there.
    private void NoteThere(int index)
    {
        for (uint bit = 1u << index; (_everThere & bit) == 0; bit = 1u << index)
        {
            _everThere |= bit;
            index = _identity[index];
        }
    }

    // It looks and ends in one turn, so what is there now is what it has met. A file that is populated through its alias holds zeros until
    // handlers have been there, and who looks past the mapping sees them.
    private void OnPeek(int index, Peek peek, int start, int end)
    {
        Vma? vma = _run.Mm.Map.Find(PageOf(index));
        Entry entry = EntryOf(index);
        bool isCached = vma?.File is { } file && file.SlotAt(vma.FileIndexOf(PageOf(index))).IsPresent;
        if (peek.IsFound)
        {
            bool isAsFilled = entry.HoldsPage || !Scenario.Regions[_pages[_identity[index]].Region].Alias;
            if (isAsFilled) _histories[_identity[index]].Add(new PageEvent(PageEventKind.Read, peek.Value, start, end));
        }
        else if (vma is not null && entry.Kind != EntryKind.Poison && (entry.HoldsPage || isCached))
        {
            string where = entry.IsSwapped ? "is in swap" : "is there";
            Fail("there-is-there", $"the embedder's reader takes {NameOf(index)} for absent, which {where}", end);
        }
    }

    // What a child reads was there at the fork, or comes from the source like the parent's; absent pages are no zeros.
    private void CheckChildRead(int index, ulong value, int step)
    {
        (int region, int page) = _pages[index];
        if (_unchecked[index] || value == InitialOf(index) || value == _initial[index]) return;
        // Where nobody asks for forks, the child is registered nowhere.
        if (value == 0 && ServedBy(index) is { } served && (served.Features & UffdFeatures.EventFork) == 0) return;
        for (int thread = 0; thread < Scenario.Threads.Length; thread++)
        {
            for (int i = 0; i < Scenario.Threads[thread].Actions.Length; i++)
            {
                ThreadAction action = Scenario.Threads[thread].Actions[i];
                if (action.Region != region || page < action.Page || page >= action.Page + action.Count) continue;
                if (action.Kind == ActionKind.Write && value == PageContent.OfWrite(thread, i)) return;
                if (IsFill(action.Kind) && value == FilledWith(action, page - action.Page)) return;
                if (value == 0
                    && action.Kind
                        is ActionKind.Zeropage or ActionKind.DontNeed or ActionKind.Remove or ActionKind.Punch or ActionKind.Unregister
                            or ActionKind.Close) return;
            }
        }

        Fail("child",
            $"the child of a fork reads {PageContent.Describe(value)} in {NameOf(index)}, which should hold "
                + $"{PageContent.Describe(InitialOf(index))} or what was written to it", step);
    }

    private void OnFill(ThreadAction action, Fill fill, int start, int end)
    {
        long length = (long)fill.Length;
        bool consistent = fill.Error switch
        {
            Errno.None => fill.Out == length,
            Errno.EAGAIN =>
                fill.Out is { } some && (some == -(long)Errno.EAGAIN || (some > 0 && some < length && some % Layout.PageBytes == 0)),
            _ => fill.Out is null || fill.Out == -(long)fill.Error,
        };
        if (!consistent) Fail("out-field", $"{fill.Kind} of {length} bytes ended with {fill.Error} and the out field {fill.Out}", end);
        if (fill.Kind is not (FillKind.Copy or FillKind.ZeroPage) || fill.Out is not > 0) return;
        for (int i = 0; i < (int)(fill.Out.Value >> Layout.PageShift); i++)
        {
            int index = _identity[_world.Content.IndexOf(action.Region, action.Page + i)];
            _histories[index].Add(new PageEvent(PageEventKind.Write, FilledWith(action, i), start, end));
        }
    }

    private static bool IsFill(ActionKind kind) =>
        kind is ActionKind.Zeropage or ActionKind.Copy or ActionKind.CopyWp or ActionKind.CopyFrom;

    /// <summary>What a thread's fill brings to the n-th page of its range.</summary>
    private ulong FilledWith(ThreadAction action, int page) => action.Kind switch
    {
        ActionKind.Zeropage => 0,
        ActionKind.CopyFrom => _world.Content.OfSource(action.OtherRegion, action.OtherPage + page),
        _ => _world.Content.OfSource(action.Region, action.Page + page),
    };

    private bool IsOfFile(int region) => Scenario.Regions[region].Memory is MemoryKind.Shmem or MemoryKind.GuestMemfd or MemoryKind.Hugetlb;

    /// <summary>Which actions take content away.</summary>
    private bool TakesPages(ThreadAction action, out bool always, out bool whole)
    {
        bool ofFile = IsOfFile(action.Region);
        always = (action.Kind == ActionKind.Punch && ofFile) || action.Kind == ActionKind.Remove
            || (action.Kind == ActionKind.DontNeed && !ofFile);
        whole = action.Kind == ActionKind.Close;
        // A range that keeps its registration where it goes, and where it was, is zeros nowhere.
        bool losesRegistration = action.Kind == ActionKind.Mremap
            || (action.Kind == ActionKind.MremapKeep && !Scenario.Contexts.Any(c => (c.Features & UffdFeatures.EventRemap) != 0));
        return losesRegistration
            || action.Kind is ActionKind.DontNeed or ActionKind.Remove or ActionKind.Punch or ActionKind.Unregister or ActionKind.Close;
    }

    private void Take(ThreadAction action, ControlOperation call, bool always, bool whole, int start, int end, uint before)
    {
        if (call.Error is not (Errno.None or Errno.ENOMEM)) return;
        uint after = Mapped();
        for (int i = 0; i < _pages.Length; i++)
        {
            (int region, int page) = _pages[i];
            if (!whole && (region != action.Region || page < action.Page || page >= action.Page + action.Count)) continue;
            // A call goes on over what is not mapped, and takes nothing there; the file of a hole is reached by its own call only.
            bool wasMapped = (before & (1u << i)) != 0 || action.Kind == ActionKind.Punch;
            bool isMapped = (after & (1u << i)) != 0 || action.Kind == ActionKind.Punch;
            if (!wasMapped && !isMapped) continue;
            // The page may first be found absent, and filled with zeros, and then be taken away once more.
            _histories[_identity[i]].Add(new PageEvent(PageEventKind.ResetIfAbsent, 0, start, end));
            bool comesAgain = ComesAgain(i, action, out ulong again);
            // Where the map has changed while its event was read, it may have ended before it has taken anything.
            // A page of a file that has been moved here is a page of that file still.
            bool isTaken = always && (action.Kind != ActionKind.DontNeed || !IsOfFile(_pages[_identity[i]].Region));
            bool isSure = isTaken && wasMapped && isMapped && call.Error == Errno.None;
            if (isSure)
                _histories[_identity[i]].Add(
                    new PageEvent(comesAgain ? PageEventKind.MayComeAgain : PageEventKind.Reset, again, start, end));
            // A hole in the file leaves private pages what they are, and takes the zero page away.
            else if (isTaken || action.Kind == ActionKind.Punch)
                _histories[_identity[i]].Add(new PageEvent(PageEventKind.MayReset, again, start, end));
        }
    }

    // Where nobody asks for REMAP, what merges with the range at its new place loses its registration with it (Linux 6.18.44 was asked):
    // ordinary faults fill it.
    private void NoteMerged(int start, int end)
    {
        for (int i = 0; i < _pages.Length; i++)
        {
            if (_comesAgain[i] && _run.Mm.Map.Find(PageOf(i)) is { Context: null })
                _histories[_identity[i]].Add(new PageEvent(PageEventKind.ResetIfAbsent, 0, start, end));
        }
    }

    // Handlers whom no event tells bring what the source has once more, as a kernel's monitor would.
    private bool ComesAgain(int index, ThreadAction action, out ulong content)
    {
        bool comesAgain = _comesAgain[index]
            && (action.Kind == ActionKind.Punch || (ServedBy(_identity[index])!.Features & UffdFeatures.EventRemove) == 0);
        (int region, int page) = _pages[_identity[index]];
        content = comesAgain ? _world.Content.OfSource(region, page) : 0;
        return comesAgain;
    }

    /// <summary>The process ends in the middle of a thread's action: it may have taken its pages already, or filled them.</summary>
    public void Left(int thread, ThreadAction action, int start, int end)
    {
        bool fills = IsFill(action.Kind);
        bool whole = false;
        if (!fills && !TakesPages(action, out _, out whole)) return;
        for (int i = 0; i < _pages.Length; i++)
        {
            (int region, int page) = _pages[i];
            if (!whole && (region != action.Region || page < action.Page || page >= action.Page + action.Count)) continue;
            PageHistory history = _histories[_identity[i]];
            if (fills)
            {
                history.Add(new PageEvent(PageEventKind.MayWrite, FilledWith(action, page - action.Page), start, end));
                continue;
            }

            history.Add(new PageEvent(PageEventKind.ResetIfAbsent, 0, start, end));
            _ = ComesAgain(i, action, out ulong again);
            if ((_mapped[thread] & (1u << i)) != 0) history.Add(new PageEvent(PageEventKind.MayReset, again, start, end));
        }
    }

    private uint Mapped()
    {
        uint mapped = 0;
        for (int i = 0; i < _pages.Length; i++)
        {
            if (_run.Mm.Map.Find(PageOf(i)) is not null) mapped |= 1u << i;
        }

        return mapped;
    }

    // No fill succeeds while an event is unread (RING R4; SEMANTICS 9.3.10).
    private void CheckFill(int index, int step)
    {
        if (_world.Order.Message is not Fill fill) return;
        int context = Array.IndexOf(_run.Contexts, fill.Context);
        if (context >= 0 && _unread[context] > 0 && fill.Context.UnreadEvents > 0)
            Fail("no-fill-while-changing",
                $"{fill.Kind} filled {NameOf(index)} while an event of {Scenario.Contexts[context].Name} was unread", step);
        if ((fill.Modes & FillModes.WriteProtect) != 0 && !_entries[index].IsWp)
            Fail("protected-install", $"{fill.Kind} was to install {NameOf(index)} write-protected, and has left it open to writers", step);
        // What a handler or a push fills must not end protection: a write behind it would go unseen.
        if (fill is IPageFill && fill.Kind != FillKind.Poison && context >= 0 && !_entries[index].IsWp
            && _run.Readers[context]?.View.Find(PageOf(index)) is { IsProtected: true })
            Fail("fill-keeps-protection",
                $"{fill.Kind} has filled {NameOf(index)}, which is registered for write protection, and has left it open to writers", step);
        if (_run.Mm.Map.Find(PageOf(index)) is null)
            Fail("mapped", $"{fill.Kind} filled {NameOf(index)}, where nothing is mapped", step);
    }

    // A page is in one place, unless fork or a file's cache puts it in several (RING R5, R6).
    private void CheckSharing(int step)
    {
        for (int i = 0; i < _entries.Length; i++)
        {
            if (_entries[i].Kind is not (EntryKind.Anon or EntryKind.File)) continue;
            for (int j = i + 1; j < _entries.Length; j++)
            {
                if (_entries[j].Kind is not (EntryKind.Anon or EntryKind.File) || _entries[j].Folio != _entries[i].Folio) continue;
                bool areFiles = _entries[i].Kind == EntryKind.File && _entries[j].Kind == EntryKind.File;
                if (areFiles && CachePageOf(i) is { } page && page == CachePageOf(j)) continue;
                Fail("one-place", $"{NameOf(i)} and {NameOf(j)} are the same page of memory", step);
            }
        }
    }

    // Two mappings of one page of a file: what mremap leaves registered maps it still.
    private (MemoryFile, long)? CachePageOf(int index) =>
        _run.Mm.Map.Find(PageOf(index)) is { File: { } file } vma ? (file, vma.FileIndexOf(PageOf(index))) : null;

    private void Freeze(int index)
    {
        Entry entry = EntryOf(index);
        if (!entry.IsPresent || !entry.IsWp) return;
        _frozen[index] = ContentOf(entry, 0);
        _frozenFolio[index] = entry.Folio;
    }

    // What is write-protected does not change (RING R8).
    private void CheckFrozen(int step)
    {
        for (int i = 0; i < _frozen.Length; i++)
        {
            if (_frozen[i] is not { } content) continue;
            Entry entry = _entries[i];
            // Registered anew without WP it is protected no more, whatever the entry has kept.
            if (_run.Mm.Map.Find(PageOf(i)) is not { HasWp: true }) _frozen[i] = null;
            // Through an alias a handler writes whatever is protected elsewhere: so does one whose page a thread has mapped before.
            if (!entry.IsWp || entry.Folio != _frozenFolio[i] || (_unchecked[i] && Scenario.Regions[_pages[_identity[i]].Region].Alias))
                _frozen[i] = null;
            else if (ContentOf(entry, 0) != content) Fail("protected", $"{NameOf(i)} changed although it was write-protected", step);
        }
    }

    // A call on one context never wakes the threads of another (SEMANTICS 9.3.13).
    private void CheckWoken(int step)
    {
        if (_world.Order.Message is not Fill fill) return;
        for (int i = 0; i < _sleeping.Length; i++)
        {
            if (_run.Contexts[i] != fill.Context && _run.Contexts[i].Total < _sleeping[i])
                Fail("own-waiters", $"{fill.Kind} on {fill.Context} woke a thread that slept at {Scenario.Contexts[i].Name}", step);
        }
    }

    // One outstanding request a page (RING R9).
    private void CheckRequests(int step)
    {
        foreach (FaultReader? reader in _run.Readers)
        {
            if (reader is null || reader.Outstanding < 2) continue;
            _addresses.Clear();
            foreach (PageRequest request in reader.OutstandingRequests())
            {
                if (!_addresses.Add(request.Address))
                    Fail("one-request", $"two requests are outstanding for {NameOf(request.Address)}", step);
            }
        }
    }

    private bool IsKnown(FaultReader reader, Access access)
    {
        ulong page = access.MessageAddress & ~(ulong)(Layout.PageBytes - 1);
        foreach (PageRequest request in reader.OutstandingRequests())
        {
            if (request.Address == page) return true;
        }

        // One that is held, or was reported and left where it is, at an address in no region.
        return reader.Quarantined.Contains(page) || (reader.Strays.IsAsleep(page) && reader.View.Find(PageSize.PageOf(page)) is null);
    }

    // Nothing that comes after the end of the process counts as received, and who fills is told that it has ended.
    private void CheckDeath(int step)
    {
        if (_world.Order.Message is Fill { Stopped: Errno.ESRCH, IsFinished: true } and IPageFill)
            _ = _refusedByDeath.Add(((Fill)_world.Order.Message).Context);
        for (int i = 0; i < _pages.Length; i++)
        {
            (int region, int page) = _pages[i];
            // Of a page of the cache a fill is told that it is there.
            // One that was removed is zeros, and nobody brings it.
            bool isElse = _run.Files[region]?.SlotAt(page).IsPresent == true || _run.Pages[region]?.IsRemoved(BasePageOf(page)) == true;
            if ((_everThere & (1u << i)) == 0 && _run.Received[region]?.Contains(BasePageOf(page)) == true && !isElse)
                Fail("received-after-the-end", $"{NameOf(i)} counts as received, and its process had ended before it was filled", step);
        }
    }

    // One incident for each userfaultfd says that its process has ended; what waits for a push is told, too.
    private void CheckToldOfDeath(int step)
    {
        int told = Incidents.Count(IncidentKind.OwnerGone);
        if (told < _refusedByDeath.Count || told > _run.Readers.Count(r => r is not null))
            Fail("owner-gone-is-told",
                $"{_refusedByDeath.Count} userfaultfds were refused because the process has ended, and {told} incidents say so", step);
    }

    // A page goes to its writers when the embedder's hook has been called for it, and has not thrown.
    private void CheckHooked(int index, Entry before, Entry now, int step)
    {
        if (before.IsWp == now.IsWp || !Scenario.Faults.Contains(FaultPoint.HookThrow)) return;
        PlainView? plain = PlainOf((UserfaultContext?)_run.Mm.Map.Find(PageOf(index))?.Context);
        (int Region, int Page) place = plain?.At(PageOf(index)) is { } served
            ? (served.Region, (int)served.Page)
            : (_pages[index].Region, BasePageOf(_pages[index].Page));
        if (!_run.Hooked.Remove(place) && before.IsWp && _world.Order.Message is WriteProtect and IMonitorCall)
            Fail("hook-before-write", $"{NameOf(index)} was given to its writers, and the hook has not been called for it, or has thrown",
                step);
    }

    private void NoteGiven(int index, WriteProtect call)
    {
        if (PlainOf(call.On) is { } plain && plain.At(PageOf(index)) is { } place) plain.Give(place);
    }

    // Another userfaultfd may know the place too, of something that has been there before.
    private PlainView? PlainOf(UserfaultContext? context) =>
        Array.IndexOf(_run.Contexts, context) is >= 0 and var number ? _run.Plain[number] : null;

    // A thread waits for one page at a time, however often a signal makes it fault on it.
    private void CheckWaiters(int step)
    {
        for (int i = 0; i < _run.Readers.Length; i++)
        {
            if (_run.Readers[i] is not { } reader || (Scenario.Contexts[i].Features & UffdFeatures.ThreadId) == 0) continue;
            foreach (PageRequest request in reader.OutstandingRequests())
            {
                if (request.Waiters > MostFaults(request))
                {
                    string counted = $"{request.Waiters} faults count for {NameOf(request.Address)}";
                    Fail("faults-are-counted-once", $"{counted}, and there are {Scenario.Threads.Length} threads", step);
                }
            }
        }
    }

    // Who is let go by another than the request's own fill may fault on the page once more in another way: to write to it, or because it is
    // protected.
    private int MostFaults(PageRequest request)
    {
        RegisterModes modes = Scenario.Contexts.SelectMany(c => c.Registered).Where(r => r.Region == request.Region.Id)
            .Aggregate(RegisterModes.None, (all, r) => all | r.Modes);
        bool isMoved = Scenario.Has(ActionKind.Mremap) || Scenario.Has(ActionKind.MremapKeep);
        return Scenario.Threads.Sum(t => t.Actions
            .Where(a => isMoved || a.Kind == ActionKind.CopyFrom || (a.Region == request.Region.Id && BasePageOf(a.Page) == request.Page))
            .Select(a => a.Kind).Distinct()
            .Count(k => k is ActionKind.Read or ActionKind.Write or ActionKind.CopyFrom)) * int.PopCount((int)modes);
    }

    // What the reader keeps in ranges and bitmaps is what the events say, one by one.
    private void CheckViews(int step)
    {
        for (int context = 0; context < _run.Readers.Length; context++)
        {
            if (_run.Readers[context] is not { } reader || _run.Plain[context] is not { IsOvertaken: false } plain) continue;
            foreach (PageRequest request in reader.OutstandingRequests())
            {
                if (_run.Mm.IsAlive && request.Phase == RequestPhase.Paused
                    && plain.At(PageSize.PageOf(request.Address)) != (request.Region.Id, request.Page))
                    Fail("nothing-waits-at-a-gone-place",
                        $"a request has paused at {NameOf(request.Address)} for {InWords((request.Region.Id, request.Page))}, which is "
                            + $"not there any more", step);
            }

            for (int i = 0; i < _pages.Length; i++)
            {
                long page = PageOf(i);
                ServedRegion? served = reader.View.Find(page);
                (int Region, long Page)? known = served is null ? null : (served.Id, served.PageOf(page));
                if (known != plain.At(page))
                    Fail("view",
                        $"the reader takes {NameOf(i)} for {InWords(known)}, and the events say that it is {InWords(plain.At(page))}",
                        step);
                if (known is { } place && _run.Pages[place.Region] is { } pages)
                    CheckState(
                        i, pages.StateOf(place.Page), pages.Received.Contains(place.Page), plain.IsRemoved(place), plain.IsGiven(place),
                        step);
            }
        }
    }

    private void CheckState(int index, PageState state, bool isReceived, bool isRemoved, bool isGiven, int step)
    {
        PageState expected = isGiven
            ? PageState.Written
            : isRemoved ? PageState.Removed : !isReceived ? PageState.Absent : PageState.FromSource;
        bool isRight = state == expected || state == PageState.Written || (state == PageState.Zero && expected == PageState.FromSource);
        if (!isRight) Fail("page-states", $"{NameOf(index)} is told to be {state}, and it is {expected}", step);
    }

    private string InWords((int Region, long Page)? place) =>
        place is { } known ? $"{Scenario.Regions[known.Region].Name}:{known.Page / Layout.UnitPages}" : "nobody's";

    // What the guest gave back since the range was protected is in the dirty set, as what it wrote is; nothing else is. For scenarios in
    // which nobody else changes protection, and of pages that were protected in the beginning.
    private void CheckDirty(int step)
    {
        bool isPlain = Scenario.Threads.All(
            t => t.Actions.All(
                a => a.Kind is ActionKind.Read or ActionKind.Write or ActionKind.DontNeed or ActionKind.Remove or ActionKind.Wake));
        if (!isPlain) return;
        for (int region = 0; region < _run.Zeroed.Length; region++)
        {
            if (_run.Zeroed[region] is not { } zeroed) continue;
            int pages = Scenario.Regions[region].Pages;
            HashSet<long> gone = [
                .. zeroed.Take(new PageRange(0, BasePageOf(pages)), _ => false)
                    .SelectMany(r => Enumerable.Range((int)r.Start, (int)r.Count))
                    .Select(p => (long)p)];
            for (int page = 0; page < pages; page++)
            {
                int index = _world.Content.IndexOf(region, page);
                bool keepsContent = Scenario.Regions[region].Memory != MemoryKind.Anonymous;
                if ((_protected & (1u << index)) == 0 || (keepsContent && Scenario.Has(ActionKind.DontNeed))) continue;
                bool isDirty = gone.Contains(BasePageOf(page)) || (_entries[index].IsPresent && !_entries[index].IsWp);
                bool isChanged =
                    Scenario.Threads.Any(t => t.Actions.Any(a => a.Region == region && page >= a.Page && page < a.Page + a.Count
                        && a.Kind is ActionKind.Write or ActionKind.DontNeed or ActionKind.Remove));
                string wrong = isDirty ? "counts as changed, and nobody has changed it" : "has changed, and is missing from the dirty set";
                if (isDirty != isChanged) Fail("dirty-set", $"{NameOf(index)} {wrong}", step);
            }
        }
    }

    private void CheckRemovals(int step)
    {
        RemovalCheck check = new(_world, _run);
        for (int i = 0; i < _pages.Length; i++)
        {
            if (check.WrongOf(_pages[i].Region, _pages[i].Page, _entries[i]) is { } wrong)
                Fail("removed-pages", $"{NameOf(i)} {wrong}", step);
        }
    }

    // What was wrong with a page source or a hook has been said.
    private void CheckTold(int step)
    {
        // Not each: of an order that has been given again meanwhile nobody wants an answer.
        if (FaultPoints.WrongAnswers.Any(p => _world.Faults.HappenedAt(p) > 0) && Incidents.Count(IncidentKind.WrongAnswer) == 0)
            Fail("wrong-answers-are-told", "a page source has given a wrong answer, and no incident says so", step);
        if (_world.Faults.HappenedAt(FaultPoint.HookThrow) is var thrown and > 0 && Incidents.Count(IncidentKind.HookFailed) < thrown)
            Fail("hook-failures-are-told",
                $"the hook has thrown {thrown} times, and {Incidents.Count(IncidentKind.HookFailed)} incidents say so", step);
    }

    private void CheckPushes(int step)
    {
        foreach ((PushOptions options, _) in _run.Pushes)
        {
            if (!options.Progress.Finished.Task.IsCompleted)
                Fail("push-ends",
                    $"the push of {Scenario.Regions[options.Region].Name} has nothing left to do, and whoever waits for it is not told",
                    step);
            else _ = options.Progress.Finished.Task.Exception;
        }
    }

    // Nobody writes behind the first eight bytes: a page is as it was filled, entirely.
    private void CheckTails(int step)
    {
        Span<ulong> words = stackalloc ulong[PageSize.Base / sizeof(ulong)];
        for (int i = 0; i < _pages.Length; i++)
        {
            if (_unchecked[i] || _entries[i].Kind is not (EntryKind.Anon or EntryKind.File)) continue;
            ulong tail = _world.Folios.ReadLane(_entries[i].Folio, Layout.PageBytes - sizeof(ulong));
            for (int at = 0; at < Layout.PageBytes; at += PageSize.Base)
            {
                _world.Folios.CopyOut(_entries[i].Folio, at, MemoryMarshal.AsBytes(words));
                if (at == 0) words[0] = tail;
                if (words.IndexOfAnyExcept(tail) is >= 0 and var other)
                    Fail("whole-pages",
                        $"{NameOf(i)} ends with {PageContent.Describe(tail)}, and holds {PageContent.Describe(words[other])} at byte "
                            + $"{at + (other * sizeof(ulong))}", step);
            }

            (int region, int page) = _pages[_identity[i]];
            if (tail != 0 && tail != _world.Content.OfSource(region, page)
                && tail != _world.Content.OfSource(_pages[i].Region, _pages[i].Page) && !Scenario.Has(ActionKind.CopyFrom))
                Fail("whole-pages", $"{NameOf(i)} ends with {PageContent.Describe(tail)}", step);
        }
    }

    // What counts as received is there, unless the guest gave it back: closing would turn it into zeros (RING L3).
    private void CheckReceived(int step)
    {
        for (int i = 0; i < _pages.Length; i++)
        {
            (int region, int page) = _pages[i];
            if (_run.Received[region]?.Contains(BasePageOf(page)) != true || _entries[i].Kind != EntryKind.None
                || Scenario.Regions[region].Memory != MemoryKind.Anonymous) continue;
            foreach (FaultReader? reader in _run.Readers)
            {
                if (reader?.View.Find(PageOf(i)) is { } served && served.Id == region && served.PageOf(PageOf(i)) == BasePageOf(page)
                    && !reader.View.IsRemoved(PageOf(i))
                    && reader.Descriptor.IsRegistered(PageOf(i)) && !IsTakenInSilence(i))
                    Fail("received", $"{NameOf(i)} counts as received, and is not there", step);
            }
        }
    }

    // By a thread, and no event says so.
    private bool IsTakenInSilence(int index)
    {
        (int region, int page) = _pages[index];
        bool isTold = (FilledBy(index)?.Features & UffdFeatures.EventRemove) != 0;
        bool isRemapTold = (FilledBy(index)?.Features & UffdFeatures.EventRemap) != 0;
        foreach (ThreadAction action in Scenario.Threads.SelectMany(t => t.Actions))
        {
            bool isFrom = action.OtherRegion == region && page >= action.OtherPage && page < action.OtherPage + action.Count;
            bool isOf = action.Region == region && page >= action.Page && page < action.Page + action.Count;
            bool isMoved = (action.Kind == ActionKind.Move && isFrom) || (action.Kind == ActionKind.MremapKeep && !isRemapTold && isOf);
            bool isDropped = action.Kind is ActionKind.DontNeed && !isTold && isOf;
            if (isMoved || isDropped) return true;
        }

        return false;
    }

    /// <summary>
    /// Every page of memory is in as many places as it has owners, and a file's page in an entry is the one in its cache.
    /// </summary>
    private void CheckAccounts(int step, IReadOnlyList<AddressSpace> children)
    {
        HashSet<uint> used = [];
        for (int region = 0; region < Scenario.Regions.Length; region++)
        {
            MemoryFile? file = _run.Files[region];
            for (int page = 0; file is not null && page < Scenario.Regions[region].Pages; page++)
            {
                if (file.SlotAt(page) is { IsPresent: true } slot) _ = used.Add(slot.Folio);
            }
        }

        foreach (AddressSpace mm in children.Prepend(_run.Mm))
        {
            foreach (Vma vma in mm.Map.Vmas)
            {
                for (long page = vma.Range.Start; page < vma.Range.End; page += Layout.UnitPages)
                {
                    Entry entry = mm.EntryAt(page);
                    if (entry.Kind == EntryKind.Anon) _ = used.Add(entry.Folio);
                    if (entry.Kind == EntryKind.File && vma.File!.SlotAt(vma.FileIndexOf(page)).Folio != entry.Folio)
                        Fail("cache", $"{NameOf((ulong)page << PageSize.BaseShift)} maps a page that its file does not have", step);
                }

                vma.Owner.Settle();
            }
        }

        for (int i = 0; i < _pages.Length; i++)
        {
            if (_entries[i].Kind != EntryKind.None && _run.Mm.Map.Find(PageOf(i)) is null)
                Fail("mapped", $"{NameOf(i)} is present where nothing is mapped", step);
        }

        if (used.Count != _world.Folios.InUse && !_run.HasReapedCalls)
            Fail("conservation", $"{_world.Folios.InUse} pages of memory are in use, and {used.Count} are to be found", step);
    }

    /// <summary>The userfaultfd whose handlers may bring a page from the source; null if there is none.</summary>
    private ContextPlan? ServedBy(int index, RegisterModes by = RegisterModes.Missing | RegisterModes.Minor) =>
        Scenario.Contexts.FirstOrDefault(
            c => c.Handlers > 0 && (c.Registered.FirstOrDefault(r => r.Region == _pages[index].Region).Modes & by) != 0);

    /// <summary>
    /// The same of pages that nobody has touched: a file that is populated through its alias has no missing page, and where MISSING is not
    /// registered a hole is filled with zeros in silence.
    /// </summary>
    private ContextPlan? FilledBy(int index) =>
        ServedBy(index, Scenario.Regions[_pages[index].Region].Alias ? RegisterModes.Minor : RegisterModes.Missing);

    private ulong InitialOf(int index)
    {
        if (FilledBy(index) is not null) return _world.Content.OfSource(_pages[index].Region, _pages[index].Page);
        foreach (ThreadAction action in Scenario.Setup)
        {
            if (action.Kind == ActionKind.Write && action.Region == _pages[index].Region && action.Page == _pages[index].Page)
                return PageContent.OfWrite(0xFF, 0);
        }

        return 0;
    }

    // The target of a remap holds what the source held.
    private int[] Identities()
    {
        int[] identity = [.. Enumerable.Range(0, _pages.Length)];
        foreach (ThreadAction action in Scenario.Threads.SelectMany(t => t.Actions))
        {
            if (action.Kind is not (ActionKind.Mremap or ActionKind.MremapKeep)) continue;
            for (int i = 0; i < action.Count; i++)
                identity[_world.Content.IndexOf(action.OtherRegion, action.OtherPage + i)] =
                    _world.Content.IndexOf(action.Region, action.Page + i);
        }

        return identity;
    }

    // What MOVE carries from page to page is not one page's history; nor is that of a place which is moved to from two, or again, or which
    // had content of its own before. The sequential kernel says what such pages must hold.
    private bool[] Unchecked()
    {
        bool[] result = new bool[_pages.Length];
        int[] moves = new int[_pages.Length];
        foreach (ThreadAction action in Scenario.Threads.SelectMany(t => t.Actions)
            .Where(a => a.Kind is ActionKind.Mremap or ActionKind.MremapKeep))
        {
            for (int i = 0; i < action.Count; i++)
            {
                int from = _world.Content.IndexOf(action.Region, action.Page + i);
                int to = _world.Content.IndexOf(action.OtherRegion, action.OtherPage + i);
                result[from] |= ++moves[from] > 1 || from == to || Scenario.Regions[action.OtherRegion].Memory != MemoryKind.Nothing;
                result[to] |= ++moves[to] > 1;
            }
        }

        // What stays behind is empty, and a page of its own as soon as somebody fills it, or lets ordinary faults fill it; and what has
        // been written, before or after, is at one of the two places only.
        foreach (ThreadAction kept in Scenario.Threads.SelectMany(t => t.Actions).Where(a => a.Kind == ActionKind.MremapKeep))
        {
            bool isTouched = Scenario.Threads.Any(t => t.Actions.Any(a => a.Kind == ActionKind.Close
                || (a.Kind == ActionKind.Write && (a.Region == kept.Region || a.Region == kept.OtherRegion))
                || (a.Region == kept.Region && ThreadAction.HasRegion(a.Kind)
                    && a.Kind
                        is not (ActionKind.Read or ActionKind.Peek or ActionKind.Munmap or ActionKind.MremapKeep))));
            for (int i = 0; isTouched && i < kept.Count; i++) result[_world.Content.IndexOf(kept.Region, kept.Page + i)] = true;
        }

        // What is copied from a place that threads change too, and what is mapped before its content went in through an alias, by CONTINUE
        // of a thread or because it is not registered any more, may be anything of both.
        foreach (ThreadAction action in Scenario.Threads.SelectMany(t => t.Actions))
        {
            // What lies there may have moved there.
            bool isAliased = ThreadAction.HasCount(action.Kind) && Enumerable.Range(action.Page, action.Count)
                .Any(p => Scenario.Regions[_pages[_identity[_world.Content.IndexOf(action.Region, p)]].Region].Alias);
            bool isUnsure = action.Kind switch
            {
                ActionKind.CopyFrom => Enumerable.Range(action.OtherPage, action.Count).Any(p => !IsPristine(action.OtherRegion, p)),
                ActionKind.Continue or ActionKind.Unregister => isAliased,
                ActionKind.Mremap or ActionKind.MremapKeep =>
                    isAliased && Scenario.Contexts.Any(c => (c.Features & UffdFeatures.EventRemap) == 0),
                // A hole that no COPY fills is written through the alias again, whoever has touched it meanwhile.
                ActionKind.Punch or ActionKind.Remove =>
                    Scenario.Regions[action.Region] is { Alias: true, Memory: MemoryKind.GuestMemfd }
                        && Scenario.Kernel.Shape == Model.OpsShape.Seed,
                _ => false,
            };
            for (int i = 0; isUnsure && i < action.Count; i++) result[_world.Content.IndexOf(action.Region, action.Page + i)] = true;
        }

        if (Scenario.Has(ActionKind.Close))
        {
            for (int i = 0; i < result.Length; i++) result[i] |= Scenario.Regions[_pages[i].Region].Alias;
        }

        // One history of both places is judged, or none.
        for (int i = 0; i < result.Length; i++) result[_identity[i]] |= result[i];
        for (int i = 0; i < result.Length; i++) result[i] |= result[_identity[i]];
        foreach (ThreadAction action in Scenario.Threads.SelectMany(t => t.Actions))
        {
            if (action.Kind != ActionKind.Move) continue;
            for (int i = 0; i < action.Count; i++)
            {
                result[_world.Content.IndexOf(action.Region, action.Page + i)] = true;
                result[_world.Content.IndexOf(action.OtherRegion, action.OtherPage + i)] = true;
            }
        }

        return result;
    }

    // Nobody but handlers changes it, so a read finds what the source has.
    private bool IsPristine(int region, int page)
    {
        return FilledBy(_world.Content.IndexOf(region, page)) is not null
            && !Scenario.Setup.Concat(Scenario.Threads.SelectMany(t => t.Actions)).Any(Changes);

        bool Changes(ThreadAction action) => action.Kind switch
        {
            ActionKind.Close => true,
            ActionKind.Read or ActionKind.Copy or ActionKind.Wake or ActionKind.Protect or ActionKind.Unprotect or ActionKind.Fork => false,
            ActionKind.Mremap or ActionKind.Move =>
                Meets(action.Region, action.Page, action.Count) || Meets(action.OtherRegion, action.OtherPage, action.Count),
            _ => ThreadAction.HasRegion(action.Kind) && Meets(action.Region, action.Page, action.Count),
        };

        bool Meets(int other, int first, int count) => other == region && page >= first && page < first + count;
    }

    private long PageOf(int index) => PageSize.PageOf(Layout.AddressOf(_pages[index].Region, _pages[index].Page));

    // Readers and bitmaps count in base pages.
    private int BasePageOf(int page) => page * Layout.UnitPages;

    private Entry EntryOf(int index) => _run.Mm.EntryAt(PageOf(index));

    private ulong ContentOf(Entry entry, int offset) =>
        entry.Kind is EntryKind.Anon or EntryKind.File ? _world.Folios.ReadLane(entry.Folio, offset) : 0;

    private string NameOf(int index) => $"{Scenario.Regions[_pages[index].Region].Name}:{_pages[index].Page}";

    private string NameOf(ulong address)
    {
        (int region, int page) = RegionLayout.PlaceOf(address);
        return region >= 0 && region < Scenario.Regions.Length ? $"{Scenario.Regions[region].Name}:{page}" : $"0x{address:x}";
    }

    private static string Describe(PageHistory history) => string.Join("; ", history.Events.Select(e =>
        $"steps {e.Start} to {e.End} "
            + $"{e.Kind}{(e.Kind is PageEventKind.Read or PageEventKind.Write ? " " + PageContent.Describe(e.Value) : "")}"));
}
