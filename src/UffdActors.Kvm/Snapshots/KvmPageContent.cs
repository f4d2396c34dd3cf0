namespace UffdActors.Kvm;

/// <summary>Copies out what the source has for a page. Called by any thread, several at a time; it may block.</summary>
/// <param name="page">Page of 4 KiB of the guest's memory.</param>
/// <param name="room">Where its 4,096 bytes go.</param>
public delegate void KvmPageContent(long page, Span<byte> room);
