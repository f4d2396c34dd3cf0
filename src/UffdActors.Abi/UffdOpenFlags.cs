namespace UffdActors.Abi;

/// <summary>Flags of <c>userfaultfd</c>(2).</summary>
#pragma warning disable CS1591 // The names are the documentation.
[Flags]
public enum UffdOpenFlags
{
    None = 0,
    UserModeOnly = 1,
    NonBlock = 0x800,
    CloseOnExec = 0x80000,
    All = UserModeOnly | NonBlock | CloseOnExec,
}
#pragma warning restore CS1591
