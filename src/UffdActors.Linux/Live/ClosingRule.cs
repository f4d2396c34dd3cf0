using UffdActors.Worlds;

namespace UffdActors.Linux.Live;

/// <summary>What is known of a userfaultfd that is to be closed, and of its guest.</summary>
/// <param name="Reason">Why it is closed.</param>
/// <param name="LossIsTaken">The embedder takes the loss at the VM's end.</param>
/// <param name="GuestIsStopped">The embedder has stopped what of the guest is his.</param>
/// <param name="GuestIsOurs">Only vCPUs of the VM have touched the memory; there have been some, and they have been stopped.</param>
/// <param name="Absence">What it still owes its guest.</param>
/// <param name="Waiters">Threads that sleep in it.</param>
internal readonly record struct ClosingRule(
    ClosingReason Reason, bool LossIsTaken, bool GuestIsStopped, bool GuestIsOurs, Absence Absence, int Waiters)
{
    /// <summary>
    /// True if it may be closed: the kernel lets waiting threads go on with zeros then, and later touches find zeros, so no thread must run
    /// that could make use of them (RING L3).
    /// </summary>
    public bool MayClose =>
        Reason != ClosingReason.GivenUp || LossIsTaken || GuestIsStopped || GuestIsOurs
            || (!Absence.IsUnknown && (Absence.Regions.Length == 0 || (Absence.Pages == 0 && Waiters == 0)));
}
