using System.Runtime.CompilerServices;
using UffdActors.Abi;
using UffdActors.Linux.Memory;
using UffdActors.Model.Memory;

namespace UffdActors.Linux.Tests;

/// <summary>
/// The child of <see cref="World.CollectionTests"/>: a thread touches a missing page, and while it waits the runtime collects garbage. Says on
/// standard output how far it gets.
/// </summary>
internal static class Program
{
    private static int Main(string[] arguments)
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
    private static unsafe ulong ByPointer(nint address) => Volatile.Read(ref *(ulong*)address);
}
