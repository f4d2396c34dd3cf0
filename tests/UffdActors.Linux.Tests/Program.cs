using System.Diagnostics;
using System.Runtime.CompilerServices;
using UffdActors.Abi;
using UffdActors.Linux.Memory;
using UffdActors.Model.Memory;

namespace UffdActors.Linux.Tests;

/// <summary>
/// The child of tests. Of <see cref="World.CollectionTests"/>: a thread touches a missing page, and while it waits the runtime collects garbage;
/// says on standard output how far it gets. Of <see cref="World.WatchdogTests"/>: <see cref="World.WatchedGuest"/>.
/// </summary>
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
        if (arguments is ["watched", var guest, var policy]) return await World.WatchedGuest.RunAsync(guest, policy);
        return Touch(arguments);
    }

    private static int Touch(string[] arguments)
    {
        if (arguments is not ["touch", "pointer" or "call"]) return 2;
        using GuestMemory memory = GuestMemory.MapAnonymous(PageSize.Base);
        using LiveRange range = new(memory, RegisterModes.Missing);
        Thread toucher = new(() => _ = arguments[1] == "call" ? memory.ReadWord(0) : ByPointer((nint)memory.Address)) { IsBackground = true };
        toucher.Start();
        range.WaitUntilReadable();
        Console.WriteLine("faulted");
        Console.Out.Flush();
        GC.Collect();
        Console.WriteLine("collected");
        using NativeBuffer page = new(PageSize.Base);
        _ = range.Uffd.Copy(memory.Address, (ulong)page.Address, PageSize.Base);
        toucher.Join();
        Console.WriteLine("resolved");
        return 0;
    }

    // What must never be done with guest memory: straight-line code that is not interruptible where it faults.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static unsafe ulong ByPointer(nint address) => Volatile.Read(ref *(ulong*)address);
}
