using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Operations.Userfaultfd;

/// <summary>close(2): one handle fewer; with the last one the context is released.</summary>
internal sealed class CloseHandle : ControlOperation
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
