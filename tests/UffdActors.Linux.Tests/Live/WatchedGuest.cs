using System.Globalization;
using UffdActors.Linux.Live;
using UffdActors.Testing.Guests;

namespace UffdActors.Linux.Tests.Live;

/// <summary>
/// The child of <see cref="WatchdogTests"/>: a live VM with a watchdog. Says on standard output the watchdog's process and the address that
/// is touched, when it has come to the point of its test; ends in order when it is told to on standard input.
/// </summary>
internal static class WatchedGuest
{
    private const int Pages = 64;
    private const int Touched = 3;

    public static async Task<int> RunAsync(string guest, string policy)
    {
        // What is well must not be late on a busy machine either, and who is to be stopped not before that.
        TimeSpan deadline = guest switch
        {
            "healthy" => TimeSpan.FromMinutes(5),
            "stopped" => TimeSpan.FromSeconds(10),
            _ => TimeSpan.FromMilliseconds(500),
        };
        UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(
            new VmOptions
            {
                MemoryPages = 1,
                Watchdog = new WatchdogOptions(deadline, policy == "kill" ? WatchdogPolicy.Kill : WatchdogPolicy.Report),
            });
        using PageBytes source = new(Pages) { Withholds = guest != "healthy" };
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
        nint address = (nint)(region.Address + (Touched * 4096));
        if (guest == "unread")
        {
            StartTouching(address);
            _ = ((LiveDescriptor)uffd.Kernel.Descriptor).Uffd.WaitReadable(-1);
            Say(vm, address);
            GC.Collect();
        }

        await uffd.ServeAsync(new ServeOptions { Source = source });
        switch (guest)
        {
            case "healthy":
                VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Random(1, Pages, 500), Steps.Random(2, Pages, 500)]);
                await vcpus.WaitAsync();
                break;
            case "withheld" or "stopped":
                _ = await vm.StartVcpusAsync([Steps.Reads(Touched)]);
                await source.Asked.Task;
                break;
            case "frozen":
                // First: it may be killed for the fault.
                Say(vm, address);
                StartTouching(address);
                await source.Asked.Task;
                GC.Collect();
                break;
        }

        Say(vm, address);
        _ = Console.In.ReadLine();
        await vm.DisposeAsync();
        await runtime.DisposeAsync();
        Console.WriteLine("disposed");
        return 0;
    }

    private static void Say(UffdVm vm, nint address)
    {
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{((LiveKernel)vm.Kernel).Watchdog!.Id} {address:x}"));
        Console.Out.Flush();
    }

    // In the way that is forbidden: the next collection freezes this process.
    private static void StartTouching(nint address) =>
        new Thread(() => Program.ByPointer(address)) { IsBackground = true, Name = "forbidden" }.Start();
}
