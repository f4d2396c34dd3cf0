using UffdActors.Abi;
using UffdActors.Conformance.Programs;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;

namespace UffdActors.Conformance.Generation;

/// <summary>
/// Makes single steps: an operation with arguments that are mostly valid in the state of the program, and sometimes off by a little.
/// </summary>
internal sealed class StepMaker(Choices choices, ProgramClass about, IProgramState state, TraceHeader header)
{
    private const int Threads = 4;
    private const int FirstChild = 4;
    private const int Children = 2;
    private const int MaxFiles = 3;
    private const int MaxHandles = 8;
    private const int MostNoted = 8;

    // The smallest errors of a range, a bit or a buffer (SEMANTICS 5.1.4).
    private static readonly ulong[] Odd =
        [0, 1, 0x800, 0xFFF, 0x1001, 0x1_0000_0000_0000, 0x7FFF_FFFF_F000, 0x8000_0000_0000, 0x8000_0000_0000_0000, 0xFFFF_FFFF_FFFF_F000,
            0x20_0000];

    private readonly Places _places = new(choices, about, state, header);
    // Where pages may be by now, latest last.
    private readonly Queue<ulong> _filled = new();
    private int _written;

    /// <summary>Makes a step of an operation; null if there is no object for it now.</summary>
    public ProgramStep? Make(ProgramOp op)
    {
        ProgramStep? step = op switch
        {
            ProgramOp.Open => state.Handles.Count() < MaxHandles ? Open() : null,
            ProgramOp.Api => WithHandle(op, Api),
            ProgramOp.Close or ProgramOp.Dup or ProgramOp.Poll => WithHandle(op, s => s),
            ProgramOp.Register => WithHandle(op, Register),
            ProgramOp.Unregister or ProgramOp.Wake => WithHandle(op, _places.Over),
            ProgramOp.Zeropage or ProgramOp.Poison =>
                WithHandle(op, s => _places.Over(s) with { Word = (ulong)(choices.OneIn(5) ? 1 : 0) }),
            ProgramOp.Continue => WithHandle(op, s => _places.Over(s) with { Word = FillMode() }),
            ProgramOp.Writeprotect => WithHandle(op, s => _places.Over(s) with { Word = choices.Of<ulong>([0, 1, 1, 2]) }),
            ProgramOp.Copy => WithHandle(op, Copy),
            ProgramOp.Move => WithHandle(op, Move),
            ProgramOp.Read => WithHandle(op, Read),
            ProgramOp.Access => Access(),
            ProgramOp.File => state.Files.Count() < MaxFiles ? File(choices.OneIn(3)) : null,
            ProgramOp.Fallocate or ProgramOp.Punch => WithFile(op, FileRange),
            ProgramOp.Truncate =>
                WithFile(
                    op, (s, f) => s with { Length = Size(f.IsHuge) + (!choices.OneIn(6) ? 0UL : f.IsHuge ? (ulong)PageSize.Base : 0x123) }),
            ProgramOp.Fwrite => WithFile(op, Fwrite),
            ProgramOp.Mmap => Mmap(),
            ProgramOp.Munmap => OnAnyThread(_places.Over(new ProgramStep(op))),
            ProgramOp.Mprotect => OnAnyThread(_places.Over(new ProgramStep(op)) with { Word = choices.Of<ulong>([3, 1, 1, 0, 2]) }),
            ProgramOp.Mremap => OnAnyThread(Mremap()),
            ProgramOp.Madvise => OnAnyThread(
                _places.Over(new ProgramStep(op)) with
                {
                    Kind = choices.Of(["DONTNEED", "DONTNEED", "DONTNEED", "REMOVE", "REMOVE", "FREE", "DONTFORK", "DOFORK"]),
                }),
            ProgramOp.Fork => Fork(),
            ProgramOp.Exit => Free(state.Children) is { } child ? new ProgramStep(op) { Thread = child } : null,
            ProgramOp.Signal => Signal(),
            _ => null,
        };
        if (step is null || !about.Fuzzes) return step;
        return Spoil(step);
    }

    /// <summary>A file of a kind with a size that its kind allows.</summary>
    public ProgramStep File(bool huge) => new(ProgramOp.File)
    {
        Number = state.Files.Any() ? state.Files.Max(f => f.Number) + 1 : 0,
        Kind = huge ? "htlb" : "shm",
        Length = Size(huge),
    };

    /// <summary>A userfaultfd, non-blocking more often than not.</summary>
    public ProgramStep Open()
    {
        ulong flags = choices.Of<ulong>([0x80800, 0x80800, 0x80800, 0x80801, 0x80000, 0x80800]);
        if (about.Fuzzes && choices.OneIn(8)) flags = choices.Of<ulong>([0, 2, 0x400, 0x1_0000_0000, 0x80800 | 4, 0x801]);
        return new ProgramStep(ProgramOp.Open) { Word = flags };
    }

    /// <summary>A handshake that succeeds, most of the time.</summary>
    public ProgramStep Api(ProgramStep step)
    {
        ulong features = 0;
        for (int bit = 0; bit < 17; bit++)
        {
            if (((ulong)about.Features & (1UL << bit)) != 0) features |= (ulong)choices.Next(2) << bit;
        }

        if (about.Fuzzes && choices.OneIn(8)) features |= choices.Of<ulong>([1UL << 17, 1UL << 31, 1UL << 63]);
        return step with
        {
            Magic = about.Fuzzes && choices.OneIn(8) ? choices.Of<ulong>([0, 0xAB, 0x1_0000_00AA]) : Uffd.ApiMagic,
            Word = features,
        };
    }

    /// <summary>A new mapping over whatever is there.</summary>
    public ProgramStep? Mmap()
    {
        // MOVE is for anonymous memory alone.
        string kind = choices.Of<string>(about.SeeksSleepers
            ? ["anon", "shm", "anon", "anon", "shm", "anon", "htlb", "shm"]
            : ["anon", "shm", "shmp", "htlb", "htlbp", "anon", "shm", "htlb"]);
        bool huge = kind.StartsWith("htlb", StringComparison.Ordinal);
        FileSummary[] files = [.. state.Files.Where(f => f.IsHuge == huge)];
        if (kind != "anon" && files.Length == 0) return state.Files.Count() < MaxFiles ? File(huge) : null;
        ulong page = huge ? (ulong)PageSize.Huge : (ulong)PageSize.Base;
        ProgramStep step = _places.ForMapping(new ProgramStep(ProgramOp.Mmap), huge) with
        {
            Word = choices.Of<ulong>(about.SeeksSleepers ? [3] : [3, 3, 3, 3, 1, 0]),
            Kind = kind,
        };
        if (kind != "anon")
        {
            ulong offset = ((ulong)choices.Next(3) * page) + (huge && choices.OneIn(12) ? (ulong)PageSize.Base : 0);
            step = step with { Number = choices.Of(files).Number, Second = offset };
        }

        return OnAnyThread(step);
    }

    /// <summary>Registers a VMA as a whole, in a mode that its memory supports.</summary>
    public ProgramStep Register(ProgramStep step)
    {
        ulong mode = choices.Of<ulong>([1, 3, 2, 5, 7, 4, 6, 3]);
        if (!choices.OneIn(3) && _places.Area() is { } area) return step with { Address = area.Start, Length = area.Bytes, Word = mode };
        return _places.Over(step) with { Word = mode };
    }

    /// <summary>A touch by a free thread.</summary>
    public ProgramStep? Access()
    {
        IEnumerable<int> threads = Enumerable.Range(0, Threads);
        if (state.Children.Any() && choices.OneIn(3)) threads = state.Children;
        if (Free(threads) is not { } thread) return null;
        string kind = choices.Of(["read", "write", "read", "write", "kread", "kwrite"]);
        ulong address = _places.Page(out ulong page);
        if (choices.OneIn(5)) address += (ulong)choices.Next((int)page);
        if ((_places.ModesAt(address) & RegisterModes.Missing) == 0) Note(address);
        bool writes = kind.EndsWith("write", StringComparison.Ordinal);
        return new ProgramStep(ProgramOp.Access)
        {
            Thread = thread,
            Kind = kind,
            Address = address,
            Value = writes ? 1 + (_written++ % 57) : 0,
        };
    }

    private ProgramStep? WithHandle(ProgramOp op, Func<ProgramStep, ProgramStep> make)
    {
        HandleState[] handles = [.. state.Handles];
        if (handles.Length == 0) return Open();
        HandleState handle = choices.Of(handles);
        // Before the handshake a context accepts nothing else.
        if (!handle.IsInitialized && op is not (ProgramOp.Api or ProgramOp.Close) && !choices.OneIn(6)) op = ProgramOp.Api;
        ProgramStep step = new(op) { Handle = handle.Number };
        step = op == ProgramOp.Api ? Api(step) : make(step);
        return state.CanExecute(step) ? step : null;
    }

    private ProgramStep? WithFile(ProgramOp op, Func<ProgramStep, FileSummary, ProgramStep> make)
    {
        FileSummary[] files = [.. state.Files];
        if (files.Length == 0) return File(huge: false);
        FileSummary file = choices.Of(files);
        // pwrite(2) to hugetlbfs does not exist.
        if (op == ProgramOp.Fwrite && file.IsHuge) op = ProgramOp.Fallocate;
        ProgramStep step = new(op) { Number = file.Number };
        return OnAnyThread(op == ProgramOp.Fallocate ? FileRange(step, file) : make(step, file));
    }

    private ProgramStep FileRange(ProgramStep step, FileSummary file)
    {
        ulong page = file.IsHuge ? (ulong)PageSize.Huge : (ulong)PageSize.Base;
        step = step with
        {
            Second = (ulong)choices.Next(file.IsHuge ? 3 : 8) * page,
            Length = (ulong)(1 + choices.Next(file.IsHuge ? 1 : 3)) * page,
        };
        // Inside a page: at its edges a hole only zeroes bytes, and an allocation is rounded to pages.
        if (!choices.OneIn(6)) return step;
        ulong part = page / 8;
        return step with { Second = step.Second + ((ulong)choices.Next(8) * part), Length = step.Length + ((ulong)choices.Next(8) * part) };
    }

    private ProgramStep Fwrite(ProgramStep step, FileSummary file) => step with
    {
        Second = ((ulong)choices.Next(8) * (ulong)PageSize.Base) + (choices.OneIn(4) ? (ulong)choices.Next(PageSize.Base) : 0),
        Value = 193 + (_written++ % 57),
    };

    private ulong Size(bool huge) =>
        huge ? (ulong)(1 + choices.Next(4)) * (ulong)PageSize.Huge : (ulong)(1 + choices.Next(10)) * (ulong)PageSize.Base;

    private ProgramStep Copy(ProgramStep step)
    {
        step = _places.Over(step) with { Word = FillMode() };
        Note(step.Address);
        bool huge = step.Length >= (ulong)PageSize.Huge;
        ulong source;
        if (choices.OneIn(10))
        {
            // From the arena: reading it may fault, and sleep.
            step = step with { Thread = Free(Enumerable.Range(0, Threads)) ?? choices.Next(Threads) };
            source = _places.Page(out _);
        }
        else
        {
            source = huge
                ? header.HugeSource + ((ulong)choices.Next(2) * (ulong)PageSize.Huge)
                : header.Source + ((ulong)choices.Next(20) * (ulong)PageSize.Base);
        }

        return step with { Other = source + (choices.OneIn(10) ? (ulong)choices.Next(PageSize.Base) : 0) };
    }

    private ProgramStep Move(ProgramStep step)
    {
        step = _places.Over(step);
        ulong from = about.SeeksSleepers && _filled.Count > 0 && !choices.OneIn(4) ? choices.Of([.. _filled]) : _places.Page(out _);
        // A source that ends beyond its mapping is refused as a whole.
        if (about.SeeksSleepers && _places.BytesBehind(from) is > 0 and var left) step = step with { Length = Math.Min(step.Length, left) };
        return step with { Other = from, Word = choices.Of<ulong>(about.SeeksSleepers ? [0, 0, 0, 2, 1] : [0, 2, 0, 1, 3]) };
    }

    private void Note(ulong address)
    {
        _filled.Enqueue(address & ~(ulong)(PageSize.Base - 1));
        if (_filled.Count > MostNoted) _ = _filled.Dequeue();
    }

    private ProgramStep Read(ProgramStep step)
    {
        step = step with { Value = choices.Of<long>([128, 32, 64, 96, 32 * 16]) };
        HandleState handle = state.Handles.First(h => h.Number == step.Handle);
        bool mayBlock = handle.IsInitialized && !handle.IsNonBlocking && !handle.HasMessages;
        return mayBlock || choices.OneIn(8) ? step with { Thread = Free(Enumerable.Range(0, Threads)) ?? 0 } : step;
    }

    private ProgramStep Mremap()
    {
        ProgramStep step = _places.Over(new ProgramStep(ProgramOp.Mremap));
        ulong page = step.Length >= (ulong)PageSize.Huge ? (ulong)PageSize.Huge : (ulong)PageSize.Base;
        ulong newLength = choices.Next(3) switch { 0 => step.Length, 1 => step.Length + page, _ => Math.Max(page, step.Length - page) };
        ulong flags = choices.Of<ulong>([3, 0, 3, 7]);
        if (flags == 7) newLength = step.Length;
        step = step with { Second = newLength, Word = flags };
        return flags == 0 ? step : step with { Other = _places.Target(step.Length, newLength) };
    }

    private ProgramStep? Fork()
    {
        int child = Enumerable.Range(FirstChild, Children).FirstOrDefault(c => !state.Children.Contains(c) && state.Busy(c) is null);
        if (child == 0 || Free(Enumerable.Range(0, Threads)) is not { } thread) return null;
        ProgramStep step = new(ProgramOp.Fork) { Thread = thread, Number = child };
        return state.CanExecute(step) ? step : null;
    }

    private ProgramStep? Signal()
    {
        int[] targets =
            [.. Enumerable.Range(0, Threads + Children).Where(t => state.CanExecute(new ProgramStep(ProgramOp.Signal) { Thread = t }))];
        return targets.Length == 0 ? null : new ProgramStep(ProgramOp.Signal) { Thread = choices.Of(targets) };
    }

    private ulong FillMode() => choices.Of<ulong>([0, 0, 2, 1, 3, 0]);

    /// <summary>A call that may have to wait for its event is made by an accessor.</summary>
    private ProgramStep? OnAnyThread(ProgramStep step)
    {
        if (!state.MayRaiseEvents) return step;
        return Free(Enumerable.Range(0, Threads)) is { } thread ? step with { Thread = thread } : null;
    }

    private int? Free(IEnumerable<int> threads)
    {
        int[] free = [.. threads.Where(t => state.Busy(t) is null)];
        return free.Length == 0 ? null : choices.Of(free);
    }

    /// <summary>Makes one argument invalid, or the pointer.</summary>
    private ProgramStep Spoil(ProgramStep step)
    {
        bool takesStructure = StepSchema.ArgumentsOf(step.Op).Any(a => a.Name == "ptr");
        if (!takesStructure || !choices.OneIn(3)) return step;
        switch (choices.Next(7))
        {
            case 0:
                return step with { Pointer = ArgumentPointer.Null };
            case 1:
                return step with { Pointer = ArgumentPointer.ReadOnly };
            case 2 when step.Op == ProgramOp.Read:
                return step with { Value = choices.Of<long>([0, 1, 31, 33, 63]) };
            case 2 or 3:
                return step with { Address = step.Address + choices.Of(Odd) };
            case 4:
                return step with { Length = choices.OneIn(2) ? choices.Of(Odd) : step.Length + choices.Of(Odd) };
            case 5 when step.Op is ProgramOp.Copy or ProgramOp.Move:
                return step with { Other = choices.OneIn(2) ? choices.Of(Odd) : step.Other + choices.Of(Odd) };
            default:
                return step.Op == ProgramOp.Api
                    ? step
                    : step with { Word = step.Word | choices.Of<ulong>([4, 8, 3, 1UL << 32, 1UL << 63]) };
        }
    }
}
