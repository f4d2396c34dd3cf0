using UffdActors.Handling;
using UffdActors.Linux.Live;
using UffdActors.Linux.Memory;
using UffdActors.Testing.Guests;

namespace UffdActors.Linux.Tests.Live;

/// <summary>
/// A page that is allocated in the cache raises a minor fault, and is gone again when the handler takes it. Nobody tells the monitor.
/// </summary>
internal static class PunchedPages
{
    public static async Task AreFilledAgainAsync(string module, PageBytes source, int pageBytes)
    {
        Probe probe = new();
        await using LiveScene scene = await LiveScene.StartAsync(source, probe: probe, module: module, modes: RegisterModes.Minor);
        LiveMemory memory = ((LiveKernel)scene.Vm.Kernel).MemoryOf(scene.Region);
        probe.Punch = () => memory.Guest.Advise(pageBytes, pageBytes, MemoryAdvice.Remove);

        VcpuGroup vcpus = await scene.RunAsync(Steps.Reads(pageBytes / 4096));
        await vcpus.WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Equal(Errno.None, probe.Punched);
        Assert.Null(vcpus.Error);
        Assert.Equal(1, vcpus.Accesses);
    }

    private sealed class Probe : IHandlerProbe
    {
        public Func<Errno> Punch { get; set; } = () => Errno.None;

        public Errno? Punched { get; private set; }

        public void At(HandlerPoint point, int handler, PageRequest request)
        {
            if (point == HandlerPoint.AfterRead) Punched ??= Punch();
        }
    }
}
