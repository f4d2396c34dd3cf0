using UffdActors.Cli.Reports;
using UffdActors.Kvm;
using UffdActors.Kvm.Moves;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Commands.Migrate;

/// <summary>The guest of a migration's source, on KVM.</summary>
/// <param name="kvm">KVM.</param>
/// <param name="program">The guest.</param>
/// <param name="first">How long it runs here before it is handed over.</param>
/// <remarks>
/// It runs from the first link on: KVM counts no accesses, so the guest could not be stopped at half of its work to wait for a destination.
/// </remarks>
internal sealed class KvmSender(KvmHost kvm, LeavingProgram program, TimeSpan first) : ISendingGuest
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(1);

    /// <summary>The guest.</summary>
    public LeavingProgram Program => program;

    /// <inheritdoc />
    public UffdVm Vm => program.Program.Vm;

    /// <inheritdoc />
    public Userfault? Userfault => program.Userfault;

    /// <inheritdoc />
    public ISourceGuest Guest => program;

    /// <inheritdoc />
    public string Progress =>
        $"{Figures.Count(program.Program.Running)} of {Figures.Count(program.Program.Plan.Vcpus, "vCPU", "vCPUs")} not at the end";

    /// <inheritdoc />
    public async Task RunAsync(MigrationSource source, bool isTimed, CancellationToken cancel)
    {
        while (!source.IsLinked) await Task.Delay(BetweenLooks, TimeProvider.System, cancel);
        await program.BeginAsync(cancel);
        if (isTimed) await Task.Delay(first, TimeProvider.System, cancel);
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await program.DisposeAsync();
        await kvm.DisposeAsync();
    }
}
