using Akka.Actor;
using UffdActors.Actors;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Userfault;

namespace UffdActors.Worlds;

/// <summary>A context of the model.</summary>
internal sealed class ModelUserfault(ModelKernel kernel, UserfaultContext context, VmContext vm) : KernelUserfault
{
    /// <summary>The context.</summary>
    public UserfaultContext Context => context;

    /// <inheritdoc />
    public override IUffdDescriptor Descriptor { get; } = new ModelDescriptor(context);

    /// <inheritdoc />
    public override OwnerWatch Owner { get; } = new("the model's process", () => !context.Mm.IsAlive, vm.Incidents);

    /// <inheritdoc />
    public override IActorRef Actor => ((ActorPort)context.Port).Self;

    /// <inheritdoc />
    public override int WaitingThreads => context.Total;

    /// <inheritdoc />
    public override MonitorThread NewMonitorThread() => new ModelThread(kernel.NewThread(), context, vm.SplitsTurns);

    /// <inheritdoc />
    public override async Task<UffdIoctls> RegisterAsync(GuestRegion region, RegisterModes modes, CancellationToken cancel)
    {
        Register register = new(kernel.Main, context, region.Address, region.Bytes, (ulong)modes);
        Vma? vma = kernel.AddressSpace.Map.Find(PageSize.PageOf(region.Address));
        await kernel.CallAsync(
            "UFFDIO_REGISTER",
            register,
            c => c.Error,
            cancel,
            error => error == Errno.EINVAL ? KernelErrors.ExplainRegister(kernel.Profile, vma, modes, context.Features) : null);
        return register.Ioctls ?? UffdIoctls.None;
    }

    /// <inheritdoc />
    public override async Task<IoctlResult> UnregisterAsync(
        GuestRegion region, PageRange pages, RegisterModes modes, CancellationToken cancel)
    {
        ulong start = region.AddressOf(pages.Start);
        Errno error =
            await kernel.TryCallAsync("UFFDIO_UNREGISTER", new Unregister(kernel.Main, context, start, Bytes(pages)), c => c.Error, cancel);
        if (error == Errno.None && (modes & RegisterModes.Missing) == 0)
            await kernel.CallAsync(
                "UFFDIO_WAKE", new Wake(kernel.Main, context, start, Bytes(pages)), c => c.Error, CancellationToken.None);
        return new IoctlResult(error, null);
    }

    /// <inheritdoc />
    public override async Task<IoctlResult> WriteProtectAsync(
        GuestRegion region, PageRange pages, WriteProtectModes modes, CancellationToken cancel)
    {
        WriteProtect call = new(kernel.Main, context, region.AddressOf(pages.Start), Bytes(pages), (ulong)modes);
        return new IoctlResult(await kernel.TryCallAsync("UFFDIO_WRITEPROTECT", call, c => c.Error, cancel), null);
    }

    /// <inheritdoc />
    public override async Task<(int Done, IoctlResult Last)> WriteProtectAsync(
        GuestRegion region, IReadOnlyList<PageRange> ranges, WriteProtectModes modes, CancellationToken cancel)
    {
        IoctlResult last = new(Errno.None, null);
        for (int i = 0; i < ranges.Count; i++)
        {
            last = await WriteProtectAsync(region, ranges[i], modes, i == 0 ? cancel : CancellationToken.None);
            if (!last.IsDone) return (i, last);
        }

        return (ranges.Count, last);
    }

    /// <inheritdoc />
    public override Task<IReadOnlyList<PageRange>> TakeWrittenAsync(
        GuestRegion region, PageRange pages, ulong address, CancellationToken cancel) =>
        ScanAsync(pages, address, protect: true, withEmpty: true, cancel);

    /// <inheritdoc />
    public override Task<IReadOnlyList<PageRange>> FindWrittenAsync(
        GuestRegion region, PageRange pages, ulong address, CancellationToken cancel) =>
        ScanAsync(pages, address, protect: false, region.Module is not null, cancel);

    private async Task<IReadOnlyList<PageRange>> ScanAsync(
        PageRange pages, ulong address, bool protect, bool withEmpty, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        ScanWritten scan = new(kernel.Main, PageRange.OfBytes(address, Bytes(pages)), protect, withEmpty);
        // Once it has begun, what it finds is found nowhere else any more.
        await kernel.CallAsync("PAGEMAP_SCAN", scan, c => c.Error, CancellationToken.None);
        return GuestRegion.PagesOf(scan.Found, PageSize.PageOf(address) - pages.Start);
    }

    /// <inheritdoc />
    public override async Task<IoctlResult> MoveAsync(
        GuestRegion destination, PageRange pages, ulong source, MoveModes modes, CancellationToken cancel)
    {
        Move move = new(kernel.Main, context, destination.AddressOf(pages.Start), source, Bytes(pages), (ulong)modes);
        return new IoctlResult(await kernel.TryCallAsync("UFFDIO_MOVE", move, c => c.Error, cancel), move.Out);
    }

    /// <inheritdoc />
    public override async Task<IoctlResult> PoisonAsync(GuestRegion region, PageRange pages, CancellationToken cancel)
    {
        Fill poison = new(kernel.Main);
        poison.Begin(context, FillKind.Poison, region.AddressOf(pages.Start), Bytes(pages));
        return new IoctlResult(await kernel.TryCallAsync("UFFDIO_POISON", poison, c => c.Error, cancel), poison.Out);
    }

    /// <inheritdoc />
    /// <remarks>The model has no threads but vCPUs, and those have been stopped.</remarks>
    public override Task CloseAsync(CancellationToken cancel) =>
        kernel.CallAsync("close", new CloseHandle(kernel.Main, context), c => c.Error, cancel);

    private static ulong Bytes(PageRange pages) => (ulong)pages.Count << PageSize.BaseShift;
}
