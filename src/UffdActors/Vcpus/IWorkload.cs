namespace UffdActors;

/// <summary>
/// What a vCPU does: a sequence of accesses, the same every time it is asked from the start. Not safe for several threads; each vCPU has
/// its own.
/// </summary>
public interface IWorkload
{
    /// <summary>Starts again from the first step.</summary>
    void Reset();

    /// <summary>The next step.</summary>
    /// <returns>False when the work is done.</returns>
    bool TryNext(out GuestStep step);
}
