using UffdActors.Linux.Native;

namespace UffdActors.Linux.Tests;

/// <summary>Touches memory in a system call, where a signal of user mode is an errno.</summary>
internal static class KernelRead
{
    /// <summary>Writes a byte of memory into a pipe: nothing, or EFAULT. May sleep in a page fault.</summary>
    public static Task<Errno> Start(ulong address) =>
        Task.Factory.StartNew(() => WriteToPipe(address), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static Errno WriteToPipe(ulong address)
    {
        (int read, int write) = RawCalls.MakePipe();
        CallResult result = RawCalls.Write(write, address, 1);
        _ = RawCalls.Close(read);
        _ = RawCalls.Close(write);
        return result.Error;
    }
}
