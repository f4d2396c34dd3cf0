using UffdActors.Abi;
using UffdActors.Model.Mapping;
using UffdActors.Model.Operations;

namespace UffdActors.Model.Userfault;

/// <summary>UFFDIO_WAKE: sends the waiters of a range on their way, whatever is mapped there (SEMANTICS 5.9).</summary>
public sealed class Wake : ControlOperation
{
    private readonly UserfaultContext _context;
    private readonly ulong _start;
    private readonly ulong _length;
    private readonly ArgumentPointer _pointer;

    /// <summary>Makes the call.</summary>
    public Wake(Caller caller, UserfaultContext context, ulong start, ulong length, ArgumentPointer pointer = ArgumentPointer.Good)
        : base(caller)
    {
        _context = context;
        _start = start;
        _length = length;
        _pointer = pointer;
    }

    private protected override IEnumerable<Owner?> Stages()
    {
        yield return _context;
        if (!_context.IsInitialized) Error = Errno.EINVAL;
        else if (_pointer == ArgumentPointer.Null) Error = Errno.EFAULT;
        else if (!ArgumentChecks.IsRange(_start, _length)) Error = Errno.EINVAL;
        else _context.Wake(_start, _start + _length);
    }
}

/// <summary>poll(2) with no time-out for POLLIN, POLLPRI and POLLOUT (SEMANTICS 6.2.10).</summary>
public sealed class Poll : ControlOperation
{
    /// <summary>There is something to read.</summary>
    public const int PollIn = 1;

    /// <summary>The descriptor blocks, or the handshake is missing.</summary>
    public const int PollErr = 8;

    private readonly UserfaultContext _context;

    /// <summary>Makes the call.</summary>
    public Poll(Caller caller, UserfaultContext context)
        : base(caller) => _context = context;

    /// <summary>The events.</summary>
    public int Events { get; private set; }

    private protected override IEnumerable<Owner?> Stages()
    {
        yield return _context;
        if (!_context.IsInitialized || !_context.IsNonBlocking) Events = PollErr;
        else if (_context.HasMessages) Events = PollIn;
    }
}

/// <summary>dup(2): one more handle of the same context.</summary>
public sealed class DuplicateHandle : ControlOperation
{
    private readonly UserfaultContext _context;

    /// <summary>Makes the call.</summary>
    public DuplicateHandle(Caller caller, UserfaultContext context)
        : base(caller) => _context = context;

    private protected override IEnumerable<Owner?> Stages()
    {
        _context.AddReference();
        yield break;
    }
}

/// <summary>close(2): one handle less; with the last one the context is released.</summary>
public sealed class CloseHandle : ControlOperation
{
    private readonly UserfaultContext _context;

    /// <summary>Makes the call.</summary>
    public CloseHandle(Caller caller, UserfaultContext context)
        : base(caller) => _context = context;

    private protected override IEnumerable<Owner?> Stages()
    {
        if (!_context.RemoveReference()) yield break;
        foreach (Owner? next in ReleaseContext.Run(_context, this)) yield return next;
    }
}

/// <summary>
/// What the last close does (SEMANTICS 6.5): unregisters every VMA of the context, clears its write protection, and lets every
/// waiter and every event producer go. Nobody gets a signal for it; accesses find ordinary memory.
/// </summary>
internal sealed class ReleaseContext : ControlOperation
{
    private readonly UserfaultContext _context;

    private ReleaseContext(Caller caller, UserfaultContext context)
        : base(caller) => _context = context;

    /// <summary>A sleeping call has ended: gives its reference back, and releases the context if it was the last one.</summary>
    public static void AfterLastReference(UserfaultContext context, Caller caller)
    {
        if (!context.RemoveReference()) return;
        ReleaseContext release = new(caller, context);
        release.ParkAt(context.Mm);
        release.Resume();
    }

    private protected override IEnumerable<Owner?> Stages() => Run(_context, this);

    /// <summary>The stages, as part of <paramref name="call"/>.</summary>
    public static IEnumerable<Owner?> Run(UserfaultContext context, ControlOperation call)
    {
        AddressSpace mm = context.Mm;
        foreach (Owner? next in call.Lock(mm)) yield return next;
        if (mm.HasRegistered(context))
        {
            List<VmaOwner> held = [];
            PageRange all = new(0, Memory.WordTable.Length);
            foreach (Owner? next in Hold(mm, all, held)) yield return next;
            MapEdit edit = new(mm);
            edit.Change(all, vma =>
            {
                if (vma.Context != context) return vma;
                if (vma.HasWp) Protection.Change(vma, vma.Range, protect: false);
                return vma.WithRegistration(null, RegisterModes.None);
            });
            _ = edit.Publish();
            foreach (Owner? next in Release(mm, held)) yield return next;
        }

        mm.Unlock();
        yield return context;
        context.Release();
    }
}
