namespace UffdActors.Samples;

/// <summary>Guest memory that comes over TCP, page by page.</summary>
internal static class TcpSample
{
    private const int Pages = 256;

    /// <summary>Runs the sample.</summary>
    /// <param name="world"><c>model</c>, or <c>live</c> for page faults of this machine's kernel.</param>
    /// <param name="output">Where the result is written.</param>
    public static async Task RunAsync(string world, TextWriter output)
    {
        using TcpPageServer server = new();
        using TcpPageSource source = await TcpPageSource.ConnectAsync(server.Address, Pages);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile(world));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = Pages });
        GuestRegion memory = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(memory, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        VcpuGroup vcpus = await vm.StartVcpusAsync([new SyntheticWorkload(WorkloadKind.Sequential, Pages, Pages / 2, 0, 1, 0, 1)]);
        await vcpus.WaitAsync();
        BackgroundPush push = await uffd.PushAsync(memory, source);
        await push.WaitAsync();
        await output.WriteLineAsync($"tcp: {vcpus.Faults} pages by demand, {push.Pages} by push, {Wrong(vm, memory)} wrong");
    }

    // Page N is full of the byte N.
    private static int Wrong(UffdVm vm, GuestRegion memory)
    {
        GuestReader reader = vm.NewReader();
        byte[] bytes = new byte[TcpPageServer.PageBytes];
        return Enumerable.Range(0, Pages)
            .Count(page => !reader.TryRead(memory, page, bytes) || bytes.AsSpan().ContainsAnyExcept((byte)page));
    }
}
