namespace UffdActors.Kvm.Snapshots;

/// <summary>Copies the content of a page out.</summary>
/// <param name="page">Base page of the guest.</param>
/// <param name="room">A page of bytes.</param>
internal delegate void PageContent(long page, Span<byte> room);
