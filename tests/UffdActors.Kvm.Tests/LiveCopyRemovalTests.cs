using UffdActors.Kvm.Snapshots;
using UffdActors.Model.Operations.Maps;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Kvm.Tests;

/// <summary>What a live snapshot keeps of a page that the guest gives back.</summary>
public sealed class LiveCopyRemovalTests : IDisposable
{
    private const int Pages = 16;
    private const int Given = 5;
    private const int Size = 4096;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("uffd-live-copy-");

    public void Dispose() => _folder.Delete(recursive: true);

    [SkippableTheory]
    [InlineData(null, Advice.DontNeed)]
    [InlineData("shmem", Advice.Remove)]
    public async Task A_page_that_is_given_back_after_the_moment_is_in_the_snapshot_as_it_was(string? backend, Advice advice)
    {
        ThisKernel.Require();
        byte[] bytes = Content();
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = Pages });
        (LiveCopy live, GuestRegion memory) = await ServedAsync(vm, backend, bytes);
        using SnapshotWriter writer = new(FileOf("whole"), Pages, isLayer: false);
        await live.PrepareAsync(all: true, CancellationToken.None);
        await live.BeginAsync(writer, changedOnly: false, CancellationToken.None);

        live.BeforeRemoval(Given);
        await vm.AdviseAsync(memory, Given, 1, advice);
        await live.CopyAsync(CancellationToken.None);

        Assert.Equal(1, live.KeptBefore);
        Assert.Equal(bytes, Committed(writer, "whole"));
    }

    [SkippableTheory]
    [InlineData(null, Advice.DontNeed, false)]
    [InlineData("shmem", Advice.Remove, false)]
    [InlineData(null, Advice.DontNeed, true)]
    [InlineData("shmem", Advice.Remove, true)]
    public async Task A_layer_has_what_was_given_back_before_the_moment_as_zeros_and_what_is_given_back_then_as_it_was(
        string? backend, Advice advice, bool isAfter)
    {
        ThisKernel.Require();
        byte[] bytes = Content();
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = Pages });
        (LiveCopy live, GuestRegion memory) = await ServedAsync(vm, backend, bytes);
        using SnapshotWriter writer = new(FileOf("layer"), Pages, isLayer: true);
        await live.PrepareAsync(all: true, CancellationToken.None);
        // Of the first it is the page's only change; the second was changed before, so that it is of the layer.
        live.BeforeRemoval(Given);
        await vm.AdviseAsync(memory, Given, 1, advice);
        live.BeforeWrite(Given + 1);
        await live.BeginAsync(writer, changedOnly: true, CancellationToken.None);
        if (isAfter)
        {
            live.BeforeRemoval(Given + 1);
            await vm.AdviseAsync(memory, Given + 1, 1, advice);
        }

        await live.CopyAsync(CancellationToken.None);

        Assert.Equal(2, writer.StoredPages);
        byte[] layer = Committed(writer, "layer");
        Assert.Equal(new byte[Size], layer.AsSpan(Given * Size, Size).ToArray());
        Assert.Equal(bytes.AsSpan((Given + 1) * Size, Size).ToArray(), layer.AsSpan((Given + 1) * Size, Size).ToArray());
    }

    private string FileOf(string name) => Path.Combine(_folder.FullName, name);

    private static byte[] Content()
    {
        byte[] bytes = new byte[Pages * Size];
        for (int page = 0; page < Pages; page++) bytes.AsSpan(page * Size, Size).Fill((byte)(page + 1));
        return bytes;
    }

    // All pages are there.
    private static async Task<(LiveCopy Live, GuestRegion Memory)> ServedAsync(UffdVm vm, string? backend, byte[] bytes)
    {
        GuestRegion memory = await vm.MapAsync(new RegionOptions { Pages = Pages, Module = backend });
        Userfault uffd = await vm.OpenAsync(UffdFeatures.EventRemove);
        _ = await uffd.RegisterAsync(memory, RegisterModes.Missing | RegisterModes.WriteProtect);
        BytesSource source = new(bytes);
        LiveCopy live = new(
            uffd, memory, new GuestPages(vm, memory, uffd, (page, room) => bytes.AsSpan((int)page * Size, Size).CopyTo(room)));
        await uffd.ServeAsync(new ServeOptions { Source = source, BeforeWrite = (_, page) => live.BeforeWrite(page) });
        await (await uffd.PushAsync(memory, source)).WaitAsync();
        return (live, memory);
    }

    private byte[] Committed(SnapshotWriter writer, string name)
    {
        _ = writer.Commit((stored, sample) => new SnapshotDocument
        {
            MemoryBytes = Pages * Size,
            StoredPages = stored,
            Sample = sample,
            Backend = "anon",
            Guest = null,
            State = new SnapshotDocument.StatePart([1, 2, 3], "", [], 0, 0, true),
            Expected = null,
        });
        return File.ReadAllBytes(FileOf(name));
    }
}
