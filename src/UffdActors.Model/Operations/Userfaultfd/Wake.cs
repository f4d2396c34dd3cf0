using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Operations.Userfaultfd;

/// <summary>UFFDIO_WAKE: wakes the waiters of a range, whatever is mapped there (SEMANTICS 5.9).</summary>
internal sealed class Wake : ControlOperation
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
