using UffdActors.Model.Mapping;

namespace UffdActors.Model.Operations.Maps;

/// <summary>What is to be mapped.</summary>
/// <param name="Prot">Protection.</param>
/// <param name="File">File, or null for private anonymous memory.</param>
/// <param name="Shared">MAP_SHARED; needs a file.</param>
/// <param name="Offset">Offset into the file in bytes.</param>
/// <param name="MayWrite">False if the descriptor was opened for reading only.</param>
/// <param name="Droppable">MAP_DROPPABLE: anonymous memory that the kernel may discard, and that cannot be registered.</param>
internal sealed record MapRequest(
    Prot Prot, MemoryFile? File = null, bool Shared = false, ulong Offset = 0, bool MayWrite = true, bool Droppable = false);
