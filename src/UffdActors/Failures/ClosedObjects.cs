namespace UffdActors.Failures;

/// <summary>What a call on a closed object ends with, in the name of the object that the embedder has in hand.</summary>
internal static class ClosedObjects
{
    /// <summary>The VM has been disposed of.</summary>
    public static ObjectDisposedException Vm() => new($"{nameof(UffdActors)}.{nameof(UffdVm)}");

    /// <summary>The userfaultfd has been closed.</summary>
    public static ObjectDisposedException Userfault() => new($"{nameof(UffdActors)}.{nameof(UffdActors.Userfault)}");
}
