namespace UffdActors.PostCopy.Tests;

/// <summary>The example of README.md, line by line.</summary>
internal static class LibraryExample
{
    public static async Task<(long Faults, long Present, long Pages)> RunAsync(string path)
    {
        using GuestImage image = GuestImage.FromFile(path);
        using ImageSource source = new(image);
        await using UffdRuntime runtime = UffdRuntime.Start();
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = image.Pages });
        GuestRegion memory = await vm.MapAsync(new RegionOptions { Pages = image.Pages });
        Userfault uffd = await vm.OpenAsync();
        await uffd.RegisterAsync(memory, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source, Handlers = 2 });
        VcpuGroup vcpus = await vm.StartVcpusAsync(
            [new SyntheticWorkload(WorkloadKind.Zipf, image.Pages, accesses: 10_000, writeRatio: 0.3, seed: 1, vcpu: 0, vcpus: 1)]);
        BackgroundPush push = await uffd.PushAsync(memory, source);
        await push.WaitAsync();
        await vcpus.WaitAsync();
        Console.WriteLine($"{vcpus.Faults} faults, {push.ReceivedPages} of {image.Pages} pages are there");
        return (vcpus.Faults, push.ReceivedPages, image.Pages);
    }
}
