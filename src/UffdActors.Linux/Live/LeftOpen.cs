using UffdActors.Linux.Userfaultfd;

namespace UffdActors.Linux.Live;

/// <summary>
/// Userfaultfds and memory of guests that may still run: they live as long as the process, whatever becomes of their VM, for a finalizer
/// that closed one would let its threads go on with zeros. Safe for any thread.
/// </summary>
internal static class LeftOpen
{
    private static readonly Lock Gate = new();
    private static readonly HashSet<object> Kept = new(ReferenceEqualityComparer.Instance);
    private static readonly Dictionary<UffdDescriptor, LeftOpenReader> Readers = new(ReferenceEqualityComparer.Instance);

    /// <summary>Keeps an object for as long as the process lives.</summary>
    public static void Keep(object kept)
    {
        lock (Gate) _ = Kept.Add(kept);
    }

    /// <summary>Keeps a userfaultfd open, and reads its events from now on; children of forks go to where they can be taken from.</summary>
    public static void KeepReading(UffdDescriptor uffd, ForkedChildren children, Action<SyscallException> failed)
    {
        lock (Gate)
        {
            if (Kept.Add(uffd)) Readers.Add(uffd, new LeftOpenReader(uffd, children, failed));
        }
    }

    /// <summary>It is taken care of. A userfaultfd is read no more when this returns, so that closing it is the last close.</summary>
    public static void LetGo(object kept)
    {
        LeftOpenReader? reader = null;
        lock (Gate)
        {
            _ = Kept.Remove(kept);
            if (kept is UffdDescriptor uffd) _ = Readers.Remove(uffd, out reader);
        }

        reader?.Dispose();
    }
}
