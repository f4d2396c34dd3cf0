using UffdActors.Kvm.Runs;

namespace UffdActors.Kvm.Snapshots;

/// <summary>A restored guest's run to its end.</summary>
/// <param name="Differences">What differs from the result in the state, a sentence each; none if it is verified.</param>
/// <param name="Result">Its end.</param>
/// <param name="Opened">Until the files were opened.</param>
/// <param name="Started">Until its vCPUs were in KVM_RUN.</param>
/// <param name="FirstInstruction">
/// Until the page with the next instruction was handed over for installation, the last thing that it waits for. Null if no vCPU was to run.
/// </param>
internal sealed record RestoreReport(
    IReadOnlyList<string> Differences, GuestResult Result, TimeSpan Opened, TimeSpan Started, TimeSpan? FirstInstruction);
