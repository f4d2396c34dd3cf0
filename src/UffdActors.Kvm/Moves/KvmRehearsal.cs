using Akka.Configuration;
using UffdActors.Kvm.Programs;
using UffdActors.Kvm.Snapshots;
using UffdActors.Kvm.Vcpus;
using UffdActors.PostCopy;

namespace UffdActors.Kvm.Moves;

/// <summary>
/// Migrates a small KVM guest within this process before the real one, so that what a vCPU's stop, state and start run through is
/// JIT-compiled, as <see cref="MigrationRehearsal"/> does for the rest.
/// </summary>
internal static class KvmRehearsal
{
    private const long DataBytes = 1 << 20;
    private const int Rounds = 30;

    // Two machines at the same time: a CPU for the loop of one need not have one behind it for the other.
    private static readonly Config Anywhere = ConfigurationFactory.ParseString("uffd.fault-loop.cpu = -1\nuffd.world = live");

    /// <summary>Rehearses, on a runtime of its own, over a Unix socket.</summary>
    /// <param name="config">Configuration of the runtime; null for the reference.</param>
    /// <param name="copiesFirst">With a round of pre-copy.</param>
    /// <param name="arriving">Makes the guest that arrives: of the class that the real one will be of.</param>
    /// <param name="folder">Where the socket is made.</param>
    /// <param name="cancel">Cancels.</param>
    /// <returns>Result of that migration.</returns>
    public static Task<MigrationDestinationReport> RunAsync<T>(
        Config? config, bool copiesFirst, Func<T> arriving, string folder, CancellationToken cancel)
        where T : IDestinationGuest, IAsyncDisposable =>
        UffdRuntime.UseAsync(
            config is null ? Anywhere : Anywhere.WithFallback(config),
            runtime => MoveAsync(
                runtime, copiesFirst, arriving, MigrationAddress.Parse($"unix:{Path.Combine(folder, "wire")}"), cancel));

    private static async Task<MigrationDestinationReport> MoveAsync<T>(
        UffdRuntime runtime, bool copiesFirst, Func<T> arriving, MigrationAddress address, CancellationToken cancel)
        where T : IDestinationGuest, IAsyncDisposable
    {
        // Which of a vCPU's messages overtakes which differs from stop to stop, so a rehearsal does not meet all of their ways.
        LiveRehearsal.Compile([typeof(VcpuActor), typeof(VcpuThread), typeof(KvmVcpu)]);

        GuestPlan plan = new()
        {
            Kind = ProgramKind.Scatter,
            MemoryBytes = GuestPlan.MemoryFor(DataBytes, largePages: false),
            Vcpus = 2,
            Rounds = Rounds,
        };
        await using KvmHost kvm = KvmHost.Start();
        using GuestImage image = GuestImage.Make(DataBytes, 1, cancellationToken: cancel);
        await using LeavingProgram leaving = await LeavingProgram.BootAsync(runtime, kvm, plan, image, null, copiesFirst, cancel);
        T guest = arriving();
        await using MigrationDestination destination = new(runtime, guest, new MigrationDestinationOptions { Address = address });
        await using T first = guest;
        MigrationSource source = new(leaving.Program.Vm, leaving.Userfault, leaving, new MigrationSourceOptions
        {
            Address = address,
            Verifies = true,
            PreCopy = copiesFirst ? new PreCopyOptions { Rounds = 1 } : null,
        });
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task<MigrationDestinationReport> receiving = destination.RunAsync(over.Token);
        await leaving.BeginAsync(cancel);
        Task<MigrationSourceReport> sending = source.RunAsync(over.Token);
        Task ended = await Task.WhenAny(receiving, sending);
        if (!ended.IsCompletedSuccessfully)
        {
            // The other end would wait for it for ever.
            await over.CancelAsync();
            await Task.WhenAll(receiving, sending).ContinueWith(static _ => { }, TaskScheduler.Default);
            await ended;
        }

        _ = await sending;
        return await receiving;
    }
}
