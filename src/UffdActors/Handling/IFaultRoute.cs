namespace UffdActors.Handling;

/// <summary>Takes requests to the handler that they belong to.</summary>
internal interface IFaultRoute
{
    /// <summary>Hands a fresh request over.</summary>
    void Hand(PageRequest request);

    /// <summary>Parts of regions have been unmapped.</summary>
    void PartsUnmapped();

    /// <summary>A fault in no region is to be woken after a while, by <see cref="FaultReader.OnHeld"/>.</summary>
    void Hold(ulong address, TimeSpan delay);

    /// <summary>A fault in no region is left asleep.</summary>
    /// <param name="address">Its page.</param>
    /// <param name="thread">The thread; 0 if the message does not tell.</param>
    void LeftAsleep(ulong address, uint thread);

    /// <summary>The process has forked; the child is not served yet.</summary>
    void Forked();
}
