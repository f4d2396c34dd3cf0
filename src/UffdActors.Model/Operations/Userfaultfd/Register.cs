using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Operations.Userfaultfd;

/// <summary>UFFDIO_REGISTER (SEMANTICS 3.1 to 3.3): gives VMAs to a context, or changes the modes of its own.</summary>
internal sealed class Register : ControlOperation
{
    private readonly UserfaultContext _context;
    private readonly ulong _start;
    private readonly ulong _length;
    private readonly ulong _mode;
    private readonly ArgumentPointer _pointer;

    /// <summary>Makes the call.</summary>
    public Register(
        Caller caller, UserfaultContext context, ulong start, ulong length, ulong mode, ArgumentPointer pointer = ArgumentPointer.Good)
        : base(caller)
    {
        _context = context;
        _start = start;
        _length = length;
        _mode = mode;
        _pointer = pointer;
    }

    /// <summary>The reported ioctls; null if the kernel did not write them.</summary>
    public UffdIoctls? Ioctls { get; private set; }

    private protected override IEnumerable<Owner?> Stages()
    {
        Error = CheckArguments();
        if (Error != Errno.None) yield break;

        // Like every system call, it holds a reference: a last close meanwhile takes effect after it, else its VMAs would stay registered
        // with a context that cannot be read any more.
        if (!_context.TryAddReference())
        {
            Error = Errno.EBADF;
            yield break;
        }

        AddressSpace mm = _context.Mm;
        PageRange range = PageRange.OfBytes(_start, _length);
        var modes = (RegisterModes)_mode;
        foreach (Owner? next in Lock(mm)) yield return next;
        Error = Registration.CheckRegister(_context, range, modes);
        if (Error == Errno.None)
        {
            bool anyHuge = AnyHuge(mm, range);
            List<VmaOwner> held = [];
            foreach (Owner? next in Hold(mm, range, held)) yield return next;
            MapEdit edit = new(mm);
            edit.Change(range, vma =>
                // Modes are never reduced: a subset of the present modes changes nothing. Anything else replaces the modes.
                vma.Context == _context && (vma.Modes & modes) == modes ? vma : vma.WithRegistration(_context, modes));
            _ = edit.Publish();
            foreach (Owner? next in Release(mm, held)) yield return next;

            // The registration is in force even if reporting it fails.
            if (_pointer == ArgumentPointer.ReadOnly) Error = Errno.EFAULT;
            else Ioctls = Registration.ReportedIoctls(anyHuge, modes);
        }

        mm.Unlock();
        if (!_context.RemoveReference()) yield break;
        foreach (Owner? next in ReleaseContext.Run(_context, this)) yield return next;
    }

    private Errno CheckArguments()
    {
        if (!_context.IsInitialized) return Errno.EINVAL;
        if (_pointer == ArgumentPointer.Null) return Errno.EFAULT;
        if (!ArgumentChecks.AreModes(_mode)) return Errno.EINVAL;
        if (!ArgumentChecks.IsRange(_start, _length)) return Errno.EINVAL;
        return _context.Mm.IsAlive ? Errno.None : Errno.ENOMEM;
    }

    private static bool AnyHuge(AddressSpace mm, PageRange range)
    {
        foreach (Vma vma in mm.Map.In(range))
        {
            if (vma.IsHuge) return true;
        }

        return false;
    }
}
