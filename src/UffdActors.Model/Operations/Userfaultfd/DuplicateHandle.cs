using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Operations.Userfaultfd;

/// <summary>dup(2): one more handle of the same context.</summary>
internal sealed class DuplicateHandle : ControlOperation
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
