namespace UffdActors.PostCopy.Tests.Migration;

/// <summary>Both ends of a migration in this process, over Unix sockets in a folder of their own.</summary>
internal sealed class TwoEnds : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("uffd-ends-");

    /// <summary>What is told when the source has ended without an exception.</summary>
    public const string SourceHasEnded = "source: ended";

    /// <summary>Where the destination listens.</summary>
    public string Destination => Path.Combine(_folder.FullName, "destination");

    /// <summary>Where a proxy listens.</summary>
    public string Proxy => Path.Combine(_folder.FullName, "proxy");

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>Moves a guest.</summary>
    public async Task<(MigrationSourceReport Source, MigrationDestinationReport Destination, string? Error)> MoveAsync(
        bool throughProxy = false, int channels = 1, PreCopyOptions? preCopy = null, MigrationTls? sourceTls = null,
        MigrationTls? destinationTls = null, Func<ISourceGuest, ISourceGuest>? around = null,
        IDestinationGuest? instead = null, bool verifies = true, Func<MigrationDestination, WorkloadGuest, Task>? after = null,
        TimeSpan? peerTimeout = null, Action<string>? tell = null, Action<MigrationSource>? setSource = null,
        Func<MigrationDestination, WorkloadGuest, Task>? during = null, string? listen = null, string? backend = null,
        PostCopyMode mode = PostCopyMode.Missing, long accesses = 20_000, CancellationToken stop = default)
    {
        const long pages = 512;
        WorkloadGuestOptions guest = new() { Accesses = accesses };
        WorkloadGuest arriving = new();
        TaskCompletionSource<string> listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using CancellationTokenSource without = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Task<MigrationDestinationReport> receiving = UffdRuntime.UseAsync(null, async runtime =>
        {
            await using MigrationDestination destination = new(runtime, instead ?? arriving, new MigrationDestinationOptions
            {
                Address = MigrationAddress.Parse(listen ?? $"unix:{Destination}"),
                Tls = destinationTls,
                Backend = backend,
                Mode = mode,
                PeerTimeout = peerTimeout ?? TimeSpan.FromSeconds(10),
                Tell = what => tell?.Invoke("destination: " + what),
            });
            Task watching = during?.Invoke(destination, arriving) ?? Task.CompletedTask;
            Task<MigrationDestinationReport> running = destination.RunAsync(without.Token);
            // A source that comes first tries until there is a destination; an address that the system chooses has to be asked for.
            if (listen is not null) listening.SetResult(await destination.Listening);
            MigrationDestinationReport report = await running;
            await watching;
            if (after is not null) await after(destination, arriving);
            return report;
        });
        try
        {
            MigrationSourceReport source = await SendAsync();
            tell?.Invoke(SourceHasEnded);
            return (source, await receiving, arriving.Error);
        }
        catch (Exception e) when (e is MigrationException or OperationCanceledException)
        {
            // Without a source nothing ends it.
            await without.CancelAsync();
            if (!stop.CanBeCanceled)
            {
                _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => receiving);
                throw;
            }

            try
            {
                _ = await receiving;
            }
            catch (OperationCanceledException)
            {
                // As it was told.
            }

            throw;
        }

        Task<MigrationSourceReport> SendAsync() => UffdRuntime.UseAsync(null, async runtime =>
        {
            using GuestImage image = GuestImage.Make(pages << 12, 11);
            await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = pages + 16 });
            GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = pages });
            Userfault userfault = await vm.OpenAsync(preCopy is null ? UffdFeatures.None : UffdFeatures.WpAsync);
            _ = await userfault.RegisterAsync(
                region, preCopy is null ? RegisterModes.Missing : RegisterModes.Missing | RegisterModes.WriteProtect);
            using ImageSource content = new(image);
            await userfault.ServeAsync(new ServeOptions { Source = content });
            await (await userfault.PushAsync(region, content)).WaitAsync();
            WorkloadGuest leaving = new(guest);
            await leaving.BeginAsync(vm, guest.Accesses / 2);
            MigrationSource source = new(vm, userfault, around?.Invoke(leaving) ?? leaving, new MigrationSourceOptions
            {
                Address = MigrationAddress.Parse(
                    throughProxy ? $"unix:{Proxy}" : listen is null ? $"unix:{Destination}" : await listening.Task),
                Tls = sourceTls,
                Channels = channels,
                PreCopy = preCopy,
                Verifies = verifies,
                RetryEvery = TimeSpan.FromMilliseconds(5),
                PeerTimeout = peerTimeout ?? TimeSpan.FromSeconds(10),
                Tell = what => tell?.Invoke("source: " + what),
            });
            setSource?.Invoke(source);
            return await source.RunAsync(stop);
        });
    }
}
