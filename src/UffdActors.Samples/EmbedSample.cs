using UffdActors.PostCopy;

namespace UffdActors.Samples;

/// <summary>The library in thirty lines: guest memory arrives by demand and by push, while a vCPU runs on it.</summary>
internal static class EmbedSample
{
    /// <summary>Runs the sample.</summary>
    /// <param name="world"><c>model</c>, or <c>live</c> for page faults of this machine's kernel.</param>
    /// <param name="output">Where the result is written.</param>
    public static async Task RunAsync(string world, TextWriter output)
    {
        using GuestImage image = GuestImage.Make(4 << 20, seed: 1);
        using ImageSource source = new(image);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile(world));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = image.Pages });
        GuestRegion memory = await vm.MapAsync(new RegionOptions { Pages = image.Pages });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(memory, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        VcpuGroup vcpus = await vm.StartVcpusAsync(
            [new SyntheticWorkload(WorkloadKind.Random, image.Pages, accesses: 5_000, writeRatio: 0.3, seed: 1, vcpu: 0, vcpus: 1)]);
        BackgroundPush push = await uffd.PushAsync(memory, source);
        await Task.WhenAll(vcpus.WaitAsync(), push.WaitAsync());
        await output.WriteLineAsync($"embed: {push.ReceivedPages} of {image.Pages} pages are there, {vcpus.Accesses} accesses");
    }
}
