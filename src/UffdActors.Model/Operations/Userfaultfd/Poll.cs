using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Operations.Userfaultfd;

/// <summary>poll(2) with no time-out for POLLIN, POLLPRI and POLLOUT (SEMANTICS 6.2.10).</summary>
internal sealed class Poll : ControlOperation
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
