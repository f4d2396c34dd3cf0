namespace UffdActors.Abi;

/// <summary>Kinds of message on a userfaultfd (<c>uffd_msg.event</c>).</summary>
#pragma warning disable CS1591 // The names are the documentation.
public enum UffdEvent : byte
{
    None = 0,
    Pagefault = 0x12,
    Fork = 0x13,
    Remap = 0x14,
    Remove = 0x15,
    Unmap = 0x16,
}
#pragma warning restore CS1591
