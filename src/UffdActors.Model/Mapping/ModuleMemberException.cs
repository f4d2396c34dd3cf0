namespace UffdActors.Model.Mapping;

/// <summary>A member of a module that core reads has thrown.</summary>
internal sealed class ModuleMemberException(string member, Exception cause) : Exception($"{member} throws.", cause)
{
    /// <summary>Name of the member.</summary>
    public string Member => member;

    /// <summary>What it has thrown.</summary>
    public Exception Cause => InnerException!;
}
