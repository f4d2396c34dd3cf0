using System.Globalization;
using UffdActors.Abi;
using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Files;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Conformance.Cells;

/// <summary>The objects of one cell: a page, a file if it has one, a context, and a page to copy or move from.</summary>
internal sealed class CellScene : IDisposable
{
    private const ulong Base = 0x1000_0000_0000;
    private const ulong SourceBase = 0x2000_0000_0000;
    private const byte PresentByte = 80;
    private const byte CachedByte = 67;
    private const byte CopiedByte = 83;
    private const byte WrittenByte = 78;

    private readonly SequentialKernel _kernel = new();
    private readonly Machine _machine;
    private readonly AddressSpace _mm;
    private readonly Caller _main;
    private readonly UserfaultContext _context;
    private readonly MemoryFile? _file;
    private readonly Cell _cell;
    private readonly ulong _length;
    private readonly List<AddressSpace> _children = [];

    public CellScene(KernelProfile profile, Cell cell)
    {
        _cell = cell;
        _machine = new Machine(
            cell.State.Swapped ? profile with { Swap = true } : profile, ContentKind.Runs, basePages: 64, hugePages: 16, giantPages: 16);
        _mm = _kernel.Attach(new AddressSpace(_machine));
        _main = _kernel.Attach(new Caller(_mm));
        _context = _kernel.Attach(new UserfaultContext(_mm, UffdOpenFlags.NonBlock));
        _length = 1UL << cell.Memory.PageShift;
        // guest_memfd cannot be truncated: a page beyond its end is mapped there from the start.
        _file = cell.Memory.NewFile(_machine, (long)_length);
    }

    /// <summary>Unread faults.</summary>
    public int Pending => _context.Pending;

    private bool IsCut => _cell.State.Base == CellBase.BeyondEnd;

    private ulong Page => IsCut ? Base + _length : Base;

    private long Number => PageSize.PageOf(Page);

    /// <summary>State of the page.</summary>
    public PageStanding? Standing => PageStanding.Of(_mm, Number);

    /// <summary>State of a child's page; null without a child.</summary>
    public PageStanding? ChildStanding => _children is [.., var child] ? PageStanding.Of(child, Number) : null;

    /// <summary>Brings the page into its state.</summary>
    /// <returns>Empty, or what failed.</returns>
    public string Prepare()
    {
        MapRequest request = new(Prot.ReadWrite, _file, _cell.Memory.IsShared);
        Errno error = Run(new MapMemory(_main, Base, IsCut ? 2 * _length : _length, request)).Error;
        if (error != Errno.None) return $"mmap: {error}";
        // Mapping for writing makes a hugetlb file as long as the mapping.
        if (IsCut && _file!.Bytes > (long)_length) _ = Run(new TruncateFile(_main, _file, (long)_length));
        if (_cell.State.Base == CellBase.Cached && !TryFillCache()) return "the cache cannot be filled: the memory belongs to a guest";
        if (_cell.State.Base is CellBase.ZeroPage or CellBase.Written)
        {
            Access touch = Touch(0, _cell.State.Base == CellBase.Written ? AccessKind.Write : AccessKind.Read, PresentByte);
            if (touch.Outcome != AccessOutcome.Ok) return $"touching the page: {OutcomeOf(touch)}";
        }

        Handshake handshake = Run(new Handshake(_main, _context, new UffdioApi { Api = Uffd.ApiMagic, Features = (ulong)_cell.Features }));
        if (handshake.Error != Errno.None) return $"API: {handshake.Error}";
        bool needsModes = _cell.Operation.Call != CellCall.Register || _cell.State.Protected || _cell.State.Poisoned;
        if (needsModes && NewRegister().Error is var refused and not Errno.None) return $"REGISTER: {refused}";
        if (_cell.State.Protected && Protect(WriteProtectModes.Protect) is var notProtected and not Errno.None)
            return $"WRITEPROTECT: {notProtected}";
        if (_cell.State.Poisoned && NewFill(FillKind.Poison).Error is var notPoisoned and not Errno.None) return $"POISON: {notPoisoned}";
        if (_cell.State.Swapped && Run(new AdviseMemory(_main, Page, _length, Advice.PageOut)).Error is var notSwapped and not Errno.None)
            return $"PAGEOUT: {notSwapped}";
        return "";
    }

    /// <summary>Does the operation.</summary>
    public (string Result, string Out) Do()
    {
        switch (_cell.Operation.Call)
        {
            case CellCall.Copy:
                return Of(NewFill(FillKind.Copy));
            case CellCall.ZeroPage:
                return Of(NewFill(FillKind.ZeroPage));
            case CellCall.Continue:
                return Of(NewFill(FillKind.Continue));
            case CellCall.Poison:
                return Of(NewFill(FillKind.Poison));
            case CellCall.Protect:
                return (Text(Protect(WriteProtectModes.Protect)), "");
            case CellCall.Unprotect:
                return (Text(Protect(WriteProtectModes.Clear)), "");
            case CellCall.Move:
                return NewMove();
            case CellCall.Wake:
                return (Text(Run(new Wake(_main, _context, Page, _length)).Error), "");
            case CellCall.Register:
                Register register = NewRegister();
                return (Text(register.Error),
                    register.Ioctls is { } mask ? "0x" + ((ulong)mask).ToString("x", CultureInfo.InvariantCulture) : "untouched");
            case CellCall.Unregister:
                return (Text(Run(new Unregister(_main, _context, Page, _length)).Error), "");
            case CellCall.Read or CellCall.Write:
                AccessKind kind = _cell.Operation.Call == CellCall.Write ? AccessKind.Write : AccessKind.Read;
                if (_cell.Operation.ByKernel) kind |= AccessKind.Kernel;
                return (OutcomeOf(Touch(2, kind)), "");
            case CellCall.Fork:
                ForkProcess fork = Run(new ForkProcess(_main, 1));
                if (fork.Child is { } child) _children.Add(child);
                return (Text(fork.Error), fork.Child is null ? "" : "child: " + EntryText(fork.Child));
            default:
                return (Text(ChangeMemory()), "");
        }
    }

    /// <summary>Lets a thread touch the page.</summary>
    public Access Touch(int thread, AccessKind kind, byte value = WrittenByte)
    {
        Access access = new(thread == 0 ? _main : _kernel.Attach(new Caller(_mm, thread, thread)));
        access.Begin(Page, kind, value);
        return Run(access);
    }

    /// <summary>Reads all messages, so that a fault after this is a new one.</summary>
    public void ReadMessages() => _ = Run(new ReadMessages(_main, _context, 16 * UffdMsg.SizeInBytes));

    /// <summary>The entry in words.</summary>
    public string EntryText() => EntryText(_mm);

    /// <summary>The page of the file in words.</summary>
    public string CacheText()
    {
        if (_file is null) return "";
        CacheSlot slot = _file.SlotAt(Index);
        if (!slot.IsPresent) return Index >= _file.EndIndex ? "beyond the end" : "hole";
        return string.Create(CultureInfo.InvariantCulture, $"page with {_file.Store.ReadByte(slot.Folio, 0)}");
    }

    /// <summary>An access's outcome in words.</summary>
    public static string OutcomeOf(Access access) => access.Outcome switch
    {
        AccessOutcome.Ok => string.Create(CultureInfo.InvariantCulture, $"ok:{access.Value}"),
        AccessOutcome.SigBus => string.Create(CultureInfo.InvariantCulture, $"SIGBUS(code={access.SignalCode})"),
        AccessOutcome.SigSegv => string.Create(CultureInfo.InvariantCulture, $"SIGSEGV(code={access.SignalCode})"),
        AccessOutcome.Fault => "EFAULT",
        AccessOutcome.OutOfMemory => "out of memory",
        _ => access.IsSpinning ? "livelock" : "MSG:" + FlagsOf(access.Flags),
    };

    public void Dispose()
    {
        foreach (AddressSpace child in _children) child.Dispose();
        _mm.Dispose();
        _file?.Dispose();
        _machine.Dispose();
    }

    private long Index => (long)((Page - Base) / _length);

    /// <summary>The flags of a fault in words.</summary>
    public static string FlagsOf(FaultFlags flags)
    {
        List<string> names = [];
        if ((flags & FaultFlags.Write) != 0) names.Add("WRITE");
        if ((flags & FaultFlags.Wp) != 0) names.Add("WP");
        if ((flags & FaultFlags.Minor) != 0) names.Add("MINOR");
        return names.Count == 0 ? "0" : string.Join('+', names);
    }

    private static string Text(Errno error) => error == Errno.None ? "0" : error.ToString();

    private static (string Result, string Out) Of(Errno error, long? outField) => (Text(error), outField switch
    {
        null => "untouched",
        < 0 => "-" + (Errno)(-outField.Value),
        _ => outField.Value.ToString(CultureInfo.InvariantCulture),
    });

    private static (string Result, string Out) Of(Fill fill) => Of(fill.Error, fill.Out);

    private string EntryText(AddressSpace mm)
    {
        Entry entry = mm.EntryAt(Number);
        FolioStore store = _file?.Store ?? _machine.BaseFolios;
        string text = entry.Kind switch
        {
            EntryKind.None => "empty",
            EntryKind.Zero => "zero page",
            EntryKind.WpMarker => "WP marker",
            EntryKind.Poison => "poison",
            EntryKind.File => string.Create(CultureInfo.InvariantCulture, $"page of the file with {store.ReadByte(entry.Folio, 0)}"),
            _ when entry.IsSwapped =>
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"swap entry with {store.ReadByte(entry.Folio, 0)}{(entry.IsWp ? ", write-protected" : "")}"),
            _ => string.Create(CultureInfo.InvariantCulture, $"page of its own with {store.ReadByte(entry.Folio, 0)}"),
        };
        return entry is { IsPresent: true, IsWp: true } ? text + ", write-protected" : text;
    }

    private T Run<T>(T operation)
        where T : Operation => _kernel.Run(operation);

    private Register NewRegister() => Run(new Register(_main, _context, Page, _length, (ulong)_cell.Modes));

    private Errno Protect(WriteProtectModes modes) => Run(new WriteProtect(_main, _context, Page, _length, (ulong)modes)).Error;

    private Fill NewFill(FillKind kind)
    {
        Fill fill = new(_main);
        FillSource source = kind == FillKind.Copy ? FillSource.Stamp(CopiedByte) : FillSource.Zero;
        fill.Begin(
            _context, kind, Page, _length, source,
            _cell.Operation.WithWp && kind != FillKind.Poison ? FillModes.WriteProtect : FillModes.None);
        return Run(fill);
    }

    private (string Result, string Out) NewMove()
    {
        // From anonymous memory, as large as the destination's page.
        _ = Run(new MapMemory(_main, SourceBase, _length, new MapRequest(Prot.ReadWrite)));
        Access touch = new(_main);
        touch.Begin(SourceBase, AccessKind.Write, CopiedByte);
        _ = Run(touch);
        Move move = Run(new Move(_main, _context, Page, SourceBase, _length, 0));
        return Of(move.Error, move.Out);
    }

    private bool TryFillCache()
    {
        // Not through a mapping: guest memory may not allow one. A file without write(2) is written as if by another process.
        if (_file!.EnsurePage(Index) != Errno.None) return false;
        _file.Store.WriteByte(_file.SlotAt(Index).Folio, 0, CachedByte);
        return true;
    }

    private Errno ChangeMemory()
    {
        switch (_cell.Operation.Call)
        {
            case CellCall.DontNeed:
                return Run(new AdviseMemory(_main, Page, _length, Advice.DontNeed)).Error;
            case CellCall.Free:
                return Run(new AdviseMemory(_main, Page, _length, Advice.Free)).Error;
            case CellCall.Remove:
                return Run(new AdviseMemory(_main, Page, _length, Advice.Remove)).Error;
            case CellCall.Punch:
                return _file is null ? Errno.EBADF : Run(new PunchHole(_main, _file, (long)(Page - Base), (long)_length)).Error;
            case CellCall.Truncate:
                return _file is null ? Errno.EBADF : Run(new TruncateFile(_main, _file, 0)).Error;
            default:
                throw new InvalidOperationException($"It is not said how {_cell.Operation.Call} is done.");
        }
    }
}
