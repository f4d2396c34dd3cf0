namespace UffdActors.Abi;

/// <summary>Why a thread faulted (<c>uffd_msg.arg.pagefault.flags</c>). Neither Wp nor Minor means a missing page.</summary>
#pragma warning disable CS1591 // The names are the documentation.
[Flags]
public enum FaultFlags : ulong
{
    None = 0,
    Write = 1,
    Wp = 2,
    Minor = 4,
}
#pragma warning restore CS1591
