using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Tests.Live;
using UffdActors.Linux.Peers;
using UffdActors.Model.Memory;

namespace UffdActors.Linux.Tests;

/// <summary>The children of tests; they say on standard output how far they get.</summary>
internal static class Program
{
    /// <summary>How a test starts this program.</summary>
    public static ProcessStartInfo AsChild(params IReadOnlyList<string> arguments)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!, [typeof(Program).Assembly.Location, .. arguments]);
        // The test host may have been started by the framework's own program.
        if (Path.GetFileNameWithoutExtension(start.FileName) != "dotnet") start.FileName = "dotnet";
        // It may be killed, and must leave no sockets under /tmp then.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        return start;
    }

    private static async Task<int> Main(string[] arguments)
    {
        switch (arguments)
        {
            case ["touch", "pointer" or "call"]:
                return Touch(arguments[1] == "call");
            case ["takeover", var process, var descriptor, var address, var pages]:
                await TakeOverAsync(Number(process), Number(descriptor), ulong.Parse(address, CultureInfo.InvariantCulture), Number(pages));
                return 0;
            case ["owner", var module, var size, var modes, var features]:
                OwnerProcess.Run(
                    module, Number(size), (RegisterModes)Number(modes), (UffdFeatures)ulong.Parse(features, CultureInfo.InvariantCulture));
                return 0;
            case ["forks", "wait" or "close"]:
                await ForkWithoutDescriptor.RunAsync(closes: arguments[1] == "close");
                return 0;
            case ["full"]:
                await FullOfDescriptors.RunAsync();
                return 0;
            case ["leftovers"]:
                await Leftovers.RunAsync();
                return 0;
            case ["watched", var guest, var policy]:
                return await WatchedGuest.RunAsync(guest, policy);
            default:
                return 2;
        }
    }

    /// <summary>A thread touches a missing page, and while it waits the runtime collects garbage.</summary>
    private static int Touch(bool byCall)
    {
        using GuestMemory memory = GuestMemory.MapAnonymous(PageSize.Base);
        using LiveRange range = new(memory, RegisterModes.Missing);
        Thread toucher = new(() => _ = byCall ? memory.ReadWord(0) : ByPointer((nint)memory.Address)) { IsBackground = true };
        toucher.Start();
        range.WaitUntilReadable();
        Say("faulted");
        GC.Collect();
        Console.WriteLine("collected");
        using NativeBuffer page = new(PageSize.Base);
        _ = range.Uffd.Copy(memory.Address, (ulong)page.Address, PageSize.Base);
        toucher.Join();
        Console.WriteLine("resolved");
        return 0;
    }

    /// <summary>Takes over a userfaultfd of another process, serves its memory, and pushes the rest when it is told to.</summary>
    private static async Task TakeOverAsync(int process, int descriptor, ulong address, int pages)
    {
        using PageBytes source = new(pages);
        await using (UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live")))
        await using (UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 }))
        {
            GuestRegion region = await vm.AdoptMemoryAsync(new AdoptedMemory { Address = address, Pages = pages, IsInOtherProcess = true });
            Userfault uffd = await vm.AdoptUserfaultAsync(
                new AdoptedUserfault { Descriptor = PeerProcess.TakeFrom(process, descriptor).Take(), IsOfOtherProcess = true });
            _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
            await uffd.ServeAsync(new ServeOptions { Source = source });
            Say("serving");
            _ = await Console.In.ReadLineAsync();
            await (await uffd.PushAsync(region, source)).WaitAsync();
            await uffd.CloseAsync();
        }

        Say("closed");
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    /// <summary>A line that is there when the process is killed the next moment.</summary>
    public static void Say(string what)
    {
        Console.WriteLine(what);
        Console.Out.Flush();
    }

    // What must never be done with guest memory: straight-line code that is not interruptible where it faults.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static unsafe ulong ByPointer(nint address) => Volatile.Read(ref *(ulong*)address);
}
