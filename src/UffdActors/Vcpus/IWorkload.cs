namespace UffdActors.Vcpus;

/// <summary>One step of a guest: it touches a page.</summary>
/// <param name="Region">Region.</param>
/// <param name="Page">Page within the region.</param>
/// <param name="IsWrite">True for a store.</param>
public readonly record struct GuestStep(int Region, long Page, bool IsWrite);

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
