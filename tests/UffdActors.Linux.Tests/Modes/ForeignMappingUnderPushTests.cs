using UffdActors.Linux.Native;
using UffdActors.Linux.Tests.Live;
using UffdActors.Model.Operations.Maps;
using UffdActors.Worlds;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>
/// Somebody moves other memory, which another userfaultfd serves, over a part of a region that is pushed, and no event tells of it:
/// CONTINUE gives EINVAL there.
/// </summary>
[Collection(Unmapping.Name)]
public sealed class ForeignMappingUnderPushTests
{
    private const int Pages = 256;
    private const int First = 100;
    private const int Taken = 60;

    public static TheoryData<string> Worlds => EitherWorld.Names;

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task The_push_brings_the_rest_and_fails_with_the_errno(string world)
    {
        using PageBytes bytes = new(Pages);
        using GatedSource source = new(new PageBytes(Pages), gated: 64);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Minor, "shmem");
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        GuestRegion foreign = await vm.MapAsync(Taken);
        Userfault other = await vm.Vm.OpenAsync(UffdFeatures.EventRemap);
        _ = await other.RegisterAsync(foreign, RegisterModes.Missing);
        await other.ServeAsync(new ServeOptions { Source = bytes });
        BackgroundPush push = await vm.Uffd.PushAsync(region, source, new PrefetchOptions { WindowBytes = 0 });
        await source.Asked.WaitAsync(LiveScene.Deadline);

        await MoveOverAsync(vm, foreign, region.AddressOf(First)).WaitAsync(LiveScene.Deadline);
        source.LetGo();

        UffdException failed = await Assert.ThrowsAsync<UffdException>(() => push.WaitAsync().WaitAsync(LiveScene.Deadline));
        Assert.Equal(Errno.EINVAL, failed.Error);
        Assert.Contains($"page {First} of region {region.Id}", failed.Message, StringComparison.Ordinal);
        Assert.Equal(Pages - Taken, push.ReceivedPages);
        Assert.Equal(PageBytes.WordOf(Pages - 1), vm.Word(region, Pages - 1));
        Incident told = await vm.Vm.Incidents.ReadAsync().AsTask().WaitAsync(LiveScene.Deadline);
        Assert.Equal(IncidentKind.FillRefused, told.Kind);
        Assert.False(vm.Vm.Incidents.TryRead(out Incident? second), second?.Message);
        await vm.Uffd.AbandonAsync();
    }

    // Returns when the event has been read.
    private static Task MoveOverAsync(EitherWorld vm, GuestRegion from, ulong to)
    {
        const RemapModes Modes = RemapModes.MayMove | RemapModes.Fixed | RemapModes.DontUnmap;
        if (vm.Vm.Kernel is ModelKernel model)
        {
            RemapMemory call = new(model.Main, from.Address, from.Bytes, from.Bytes, Modes, to);
            return model.CallAsync("mremap", call, c => c.Error, CancellationToken.None);
        }

        return Task.Run(() => Assert.Equal(
            (nint)to, Libc.MRemap((nint)from.Address, (nuint)from.Bytes, (nuint)from.Bytes, (int)Modes, (nint)to)));
    }
}
