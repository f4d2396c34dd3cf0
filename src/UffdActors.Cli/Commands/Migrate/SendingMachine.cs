using UffdActors.Model.Memory;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Commands.Migrate;

/// <summary>The machine that a guest leaves: its memory is the image, in full, before it runs.</summary>
internal sealed class SendingMachine : IAsyncDisposable
{
    private SendingMachine(UffdVm vm, Userfault userfault)
    {
        Vm = vm;
        Userfault = userfault;
    }

    public UffdVm Vm { get; }

    public Userfault Userfault { get; }

    /// <summary>Makes it.</summary>
    /// <param name="runtime">Runtime.</param>
    /// <param name="image">The guest's memory.</param>
    /// <param name="backend">Memory module; null for anonymous memory.</param>
    /// <param name="tracks">What the guest writes is to be found.</param>
    /// <param name="profile">The kernel that the model is; null for the configured one.</param>
    /// <param name="cancel">Cancels.</param>
    public static async Task<SendingMachine> MakeAsync(
        UffdRuntime runtime, GuestImage image, string? backend, bool tracks, Model.KernelProfile? profile, CancellationToken cancel)
    {
        // All of it is copied before the guest runs; what cannot be read is known then, and not in the middle.
        image.ReadAll(cancel);
        int unit = PostCopyMigration.PageBytesOf(runtime, backend) >> PageSize.BaseShift;
        UffdVm vm = await runtime.CreateVmAsync(
            new VmOptions
            {
                MemoryPages = (unit == 1 ? image.Pages : 0) + 16,
                HugePages = unit == 1 ? null : image.Pages / unit,
                Profile = profile,
            },
            cancel);
        try
        {
            GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = image.Pages, Module = backend }, cancel);
            Userfault userfault = await vm.OpenAsync(tracks ? UffdFeatures.WpAsync : UffdFeatures.None, cancel);
            _ = await userfault.RegisterAsync(
                region, tracks ? RegisterModes.Missing | RegisterModes.WriteProtect : RegisterModes.Missing, cancel);
            using ImageSource source = new(image);
            await userfault.ServeAsync(new ServeOptions { Source = source }, cancel);
            BackgroundPush push = await userfault.PushAsync(region, source, cancel);
            await push.WaitAsync(cancel);
            return new SendingMachine(vm, userfault);
        }
        catch
        {
            await vm.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync() => Vm.DisposeAsync();
}
