using System.Runtime.InteropServices;
using UffdActors.PostCopy.Migration;

namespace UffdActors.PostCopy.Tests.Migration;

/// <summary>
/// What both ends of a migration compare. They share the code that computes it, so what it leaves out on one side it leaves out on the
/// other: a byte that it does not look at is verified whatever it is.
/// </summary>
public sealed class HashAtEndTests
{
    private const int Pages = 16;

    private static readonly WorkloadGuestOptions Options = new() { Vcpus = 2, Accesses = 40, WriteRatio = 0.5, Seed = 3 };

    [Fact]
    public async Task One_byte_that_is_another_anywhere_is_another_hash()
    {
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("fault-loop"));
        byte[] right = await HashAsync(runtime, null);
        Assert.Equal(right, await HashAsync(runtime, null));
        // Behind the lanes of the vCPUs, the middle, both ends of that half; in the first, a middle and the last page.
        foreach ((int Page, int Offset) place in new[]
        {
            (0, 1000), (0, 4095), (1, 2047), (Pages / 2, 2048), (Pages - 1, 0), (Pages - 1, 4095),
        })
        {
            byte[] wrong = await HashAsync(runtime, place);
            Assert.False(right.SequenceEqual(wrong), $"page {place.Page}, byte {place.Offset}");
        }
    }

    /// <summary>A guest that ends elsewhere has written there since; who says less of that says another memory.</summary>
    [Fact]
    public async Task Writes_that_come_later_are_a_part_of_it()
    {
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("fault-loop"));
        await using Scene scene = await Scene.StartAsync(runtime, GuestImage.Make(Pages * 4096, 9));
        HashSet<string> hashes = [];
        for (long done = 0; done <= 20; done++)
            _ = hashes.Add(Convert.ToHexString(await scene.HashAsync(new WorkloadState(Options, Pages, [done, 20]))));
        // An access that reads adds nothing.
        Assert.InRange(hashes.Count, 5, 20);
    }

    private static async Task<byte[]> HashAsync(UffdRuntime runtime, (int Page, int Offset)? wrong)
    {
        GuestImage image = GuestImage.Make(Pages * 4096, 9);
        if (wrong is { } place)
        {
            nint address = image.AddressOf(place.Page) + place.Offset;
            Marshal.WriteByte(address, (byte)(Marshal.ReadByte(address) ^ 0x10));
        }

        await using Scene scene = await Scene.StartAsync(runtime, image);
        return await scene.HashAsync(new WorkloadState(Options, Pages, [0, 0]));
    }

    /// <summary>A machine with the memory of an image, and a guest that has come to it and not run yet.</summary>
    private sealed class Scene(GuestImage image, UffdVm vm, WorkloadGuest guest) : IAsyncDisposable
    {
        public static async Task<Scene> StartAsync(UffdRuntime runtime, GuestImage image)
        {
            using ImageSource source = new(image);
            UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 2 * Pages });
            GuestRegion memory = await vm.MapAsync(new RegionOptions { Pages = Pages });
            Userfault uffd = await vm.OpenAsync();
            _ = await uffd.RegisterAsync(memory, RegisterModes.Missing);
            await uffd.ServeAsync(new ServeOptions { Source = source });
            await (await uffd.PushAsync(memory, source)).WaitAsync();
            WorkloadGuest guest = new();
            await guest.LoadAsync(vm, new WorkloadState(Options, Pages, [0, 0]).ToBytes(), CancellationToken.None);
            return new Scene(image, vm, guest);
        }

        public Task<byte[]> HashAsync(WorkloadState end) => guest.HashAtEndAsync(end.ToBytes(), CancellationToken.None);

        public async ValueTask DisposeAsync()
        {
            await vm.DisposeAsync();
            image.Dispose();
        }
    }
}
