namespace UffdActors.Linux.World;

/// <summary>
/// Userfaultfds and memory of guests that may still run: they live as long as the process, whatever becomes of their VM, for a finalizer that closed one
/// would let its threads go on with zeros.
/// </summary>
internal static class LeftOpen
{
    private static readonly Lock Gate = new();
    private static readonly HashSet<object> Kept = new(ReferenceEqualityComparer.Instance);

    /// <summary>Keeps an object for as long as the process lives.</summary>
    public static void Keep(object kept)
    {
        lock (Gate) _ = Kept.Add(kept);
    }

    /// <summary>It is taken care of.</summary>
    public static void LetGo(object kept)
    {
        lock (Gate) _ = Kept.Remove(kept);
    }
}
