namespace UffdActors;

/// <summary>
/// What a vCPU does: a sequence of accesses, the same every time it is asked from the start. Not safe for several threads; each vCPU has
/// its own.
/// </summary>
public interface IWorkload
{
    /// <summary>
    /// Accesses that the vCPU has done elsewhere, before the first step that <see cref="TryNext"/> gives; 0 if it starts here. What a vCPU
    /// writes counts them (<see cref="GuestLayout.ValueOf"/>), so a guest that has moved goes on as if it had not.
    /// </summary>
    long FirstAccess => 0;

    /// <summary>Starts again from the first step.</summary>
    void Reset();

    /// <summary>
    /// The next step. What it throws ends the vCPU, and <see cref="VcpuGroup.WaitAsync"/> with it; so does a page that is none of the
    /// regions that there were when the vCPU was started (<see cref="ArgumentOutOfRangeException"/>).
    /// </summary>
    /// <returns>False when the work is done.</returns>
    bool TryNext(out GuestStep step);
}
