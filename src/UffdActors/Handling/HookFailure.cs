namespace UffdActors;

/// <summary>What becomes of a protected page whose hook for writes has thrown. Either way an incident names region and page.</summary>
public enum HookFailure
{
    /// <summary>
    /// It stays protected, with its content of before; whoever writes to it waits until <see cref="Userfault.Recover"/>, and then the hook
    /// is called again.
    /// </summary>
    Wait,

    /// <summary>Its protection is cleared and the write goes on: the guest is worth more than what the hook was to keep.</summary>
    Clear,
}
