using Akka.Configuration;
using UffdActors.Model.Backends;
using UffdActors.Model.Memory;

namespace UffdActors.PostCopy;

/// <summary>
/// Migrates a small guest within this process before the real one, so that the code of a migration is JIT-compiled. Without it the downtime
/// is some 20 ms longer, and so are the first faults.
/// </summary>
public static class MigrationRehearsal
{
    private const long Pages = 1024;
    private const long Accesses = 60_000;

    // Two machines at the same time: a CPU for the loop of one need not have one behind it for the other.
    private static readonly Config Anywhere = ConfigurationFactory.ParseString("uffd.fault-loop.cpu = -1");

    /// <summary>Rehearses, on a runtime of its own, over a Unix socket. Takes about a second.</summary>
    /// <param name="config">Configuration of the runtime; null for the reference.</param>
    /// <param name="backend">
    /// Memory module of the destination; null for anonymous memory. One with larger pages is not rehearsed with.
    /// </param>
    /// <param name="mode">How faults are resolved.</param>
    /// <param name="folder">
    /// Where the socket is made; null for a folder of its own among the temporary files, which is left there if this process is killed.
    /// </param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="UffdException">The kernel refuses what the real migration will need as well.</exception>
    /// <exception cref="ModuleException">There is no such memory module.</exception>
    /// <returns>Result of that migration.</returns>
    public static async Task<MigrationDestinationReport> RunAsync(
        Config? config = null, string? backend = null, PostCopyMode mode = PostCopyMode.Missing, string? folder = null,
        CancellationToken cancellationToken = default)
    {
        DirectoryInfo? own = folder is null ? Directory.CreateTempSubdirectory("uffd-rehearsal-") : null;
        try
        {
            MigrationAddress address = MigrationAddress.Parse($"unix:{Path.Combine(folder ?? own!.FullName, "wire")}");
            return await UffdRuntime.UseAsync(
                config is null ? Anywhere : Anywhere.WithFallback(config),
                runtime => MoveAsync(runtime, backend, mode, address, cancellationToken));
        }
        finally
        {
            own?.Delete(recursive: true);
        }
    }

    private static async Task<MigrationDestinationReport> MoveAsync(
        UffdRuntime runtime, string? backend, PostCopyMode mode, MigrationAddress address, CancellationToken cancel)
    {
        bool isSmall = PostCopyMigration.PageBytesOf(runtime, backend) == PageSize.Base;
        await using MigrationDestination destination = new(runtime, new WorkloadGuest(), new MigrationDestinationOptions
        {
            Address = address,
            Backend = isSmall ? backend : null,
            Mode = isSmall ? mode : PostCopyMode.Missing,
        });
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task<MigrationDestinationReport> receiving = destination.RunAsync(over.Token);
        Task sending = SendAsync(runtime, address, over.Token);
        Task first = await Task.WhenAny(receiving, sending);
        if (!first.IsCompletedSuccessfully)
        {
            // The other end would wait for it for ever.
            await over.CancelAsync();
            await Task.WhenAll(receiving, sending).ContinueWith(static _ => { }, TaskScheduler.Default);
            await first;
        }

        await sending;
        return await receiving;
    }

    private static async Task SendAsync(UffdRuntime runtime, MigrationAddress address, CancellationToken cancel)
    {
        using GuestImage image = GuestImage.Make(Pages << PageSize.BaseShift, 1, cancellationToken: cancel);
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = Pages + 16 }, cancel);
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages }, cancel);
        Userfault userfault = await vm.OpenAsync(cancellationToken: cancel);
        _ = await userfault.RegisterAsync(region, RegisterModes.Missing, cancel);
        using ImageSource source = new(image);
        await userfault.ServeAsync(new ServeOptions { Source = source }, cancel);
        await (await userfault.PushAsync(region, source, cancel)).WaitAsync(cancel);
        WorkloadGuest guest = new(new WorkloadGuestOptions { Accesses = Accesses });
        await guest.BeginAsync(vm, Accesses / 2, cancel);
        _ = await new MigrationSource(vm, userfault, guest, new MigrationSourceOptions { Address = address, Verifies = true })
            .RunAsync(cancel);
    }
}
