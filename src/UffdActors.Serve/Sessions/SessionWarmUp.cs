using Microsoft.Win32.SafeHandles;
using UffdActors.Linux.Memory;
using UffdActors.Model.Memory;
using UffdActors.Serve.Content;

namespace UffdActors.Serve.Sessions;

/// <summary>
/// Serves a guest of two pages that is made for it, so that the first guest of others does not wait until the code is compiled.
/// </summary>
internal static class SessionWarmUp
{
    /// <summary>From a memory file.</summary>
    /// <exception cref="ServeException">The memory file cannot be served.</exception>
    /// <exception cref="UffdException">This machine does not let this process serve faults.</exception>
    public static async Task RunAsync(UffdRuntime runtime, string path, CancellationToken cancel)
    {
        const int Pages = 2;
        using FileContent content = new(MemoryLayers.Open(path, []));
        using GuestSource source = new(content, [0], Pages);
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = Pages }, cancel);
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages }, cancel);
        Userfault uffd = await vm.OpenAsync(cancellationToken: cancel);
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing, cancel);
        await uffd.ServeAsync(new ServeOptions { Source = source }, cancel);
        VcpuGroup vcpu = await vm.StartVcpusAsync(
            [new SyntheticWorkload(
                WorkloadKind.Zipf, Pages, accesses: 1, writeRatio: 0, seed: 1, vcpu: 0, vcpus: 1)], cancellationToken: cancel);
        await vcpu.WaitAsync(cancel);
        _ = uffd.ReceivedOf(region).Count;
        await uffd.AbandonAsync(cancel);
    }

    /// <summary>The same from a memory file that is made for it, for those who do not know yet what they will serve.</summary>
    public static async Task RunAsync(UffdRuntime runtime, CancellationToken cancel)
    {
        const string Name = "uffd-warm-up";
        byte[] page = new byte[PageSize.Base];
        using MemoryObject made = MemoryObject.CreateShmem(Name, page.Length);
        // Stored, for the code that reads a page is to be met too, and a hole is not read.
        using (SafeFileHandle file = new(made.Handle.Number, ownsHandle: false)) RandomAccess.Write(file, page, 0);
        await RunAsync(runtime, $"/proc/self/fd/{made.Handle.Number}", cancel);
    }
}
