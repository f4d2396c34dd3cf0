namespace UffdActors.Worlds;

/// <summary>Where a region has been mapped.</summary>
/// <param name="Address">Address.</param>
/// <param name="AliasAddress">Address of the alias; 0 if there is none.</param>
/// <param name="PageBytes">Bytes of a page.</param>
/// <param name="Memory">What the kernel has it by; null if it needs nothing.</param>
/// <param name="IsReadOnly">It cannot be written to, so it holds its content already.</param>
internal readonly record struct MappedMemory(
    ulong Address, ulong AliasAddress, int PageBytes, object? Memory = null, bool IsReadOnly = false);
