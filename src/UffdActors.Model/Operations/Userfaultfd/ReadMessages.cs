using UffdActors.Abi;
using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Operations.Userfaultfd;

/// <summary>read(2): takes as many messages as fit; only the first may block (SEMANTICS 6.2.3, 6.2.9, 6.2.11, 6.2.12).</summary>
internal sealed class ReadMessages : ControlOperation
{
    private readonly UserfaultContext _context;
    private readonly ulong _bytes;
    private readonly ArgumentPointer _pointer;
    private readonly List<UffdMsg> _messages = [];
    private readonly List<UserfaultContext> _children = [];
    private bool _interrupted;

    /// <summary>Makes the call.</summary>
    /// <param name="caller">Thread.</param>
    /// <param name="context">Context.</param>
    /// <param name="bytes">Size of the buffer.</param>
    /// <param name="pointer">The buffer.</param>
    public ReadMessages(Caller caller, UserfaultContext context, ulong bytes, ArgumentPointer pointer = ArgumentPointer.Good)
        : base(caller)
    {
        _context = context;
        _bytes = bytes;
        _pointer = pointer;
    }

    /// <summary>The context that is read.</summary>
    internal UserfaultContext Context => _context;

    /// <summary>The messages; their size is the call's result if it did not fail.</summary>
    public IReadOnlyList<UffdMsg> Messages => _messages;

    /// <summary>The children's contexts of fork messages, in order; the reader owns a handle of each.</summary>
    public IReadOnlyList<UserfaultContext> Children => _children;

    /// <summary>Bytes that the call returned.</summary>
    public long Count => (long)_messages.Count * UffdMsg.SizeInBytes;

    /// <summary>True while the thread sleeps because there is nothing to read.</summary>
    public bool IsBlocked { get; private set; }

    private protected override IEnumerable<Owner?> Stages()
    {
        yield return _context;
        if (!_context.IsInitialized || _bytes < UffdMsg.SizeInBytes)
        {
            Error = Errno.EINVAL;
            yield break;
        }

        if (!_context.HasMessages && !_context.IsNonBlocking)
        {
            // close() from another thread does not end a blocked read: it has a reference of its own.
            _context.AddReference();
            IsBlocked = true;
            while (!_context.HasMessages && !_interrupted)
            {
                _context.Park(this);
                yield return null;
            }

            IsBlocked = false;
            if (_interrupted && !_context.HasMessages) Error = Errno.EINTR;
            ReleaseContext.AfterLastReference(_context, Caller);
            if (Error != Errno.None) yield break;
        }

        if (!_context.HasMessages) Error = Errno.EAGAIN;
        else Take();
    }

    /// <summary>A signal without SA_RESTART arrived at the sleeping thread. In a turn of the context.</summary>
    internal void Interrupt()
    {
        _interrupted = true;
        if (_context.Withdraw(this)) Resume();
    }

    private void Take()
    {
        for (ulong left = _bytes; left >= UffdMsg.SizeInBytes; left -= UffdMsg.SizeInBytes)
        {
            if (!_context.TryRead(out UffdMsg message, out _, out UserfaultContext? child)) return;
            if (_pointer != ArgumentPointer.Good)
            {
                // The message is consumed all the same: a faulting thread then sleeps until its page is woken, if ever.
                Error = Errno.EFAULT;
                return;
            }

            _messages.Add(message);
            if (child is not null) _children.Add(child);
        }
    }
}
