using System.Runtime.InteropServices;
using UffdActors.Linux.Native;
using UffdActors.Model.Memory;

namespace UffdActors.Linux.Tests.Live;

/// <summary>
/// A fork whose child runs a few instructions of its own and nothing else, for managed code must not run there: it may wait for an eventfd,
/// reads the first byte of some pages, and exits with their sum.
/// </summary>
internal sealed unsafe partial class RawFork : IDisposable
{
    private const int ProtReadWrite = 3;
    private const int ProtReadExecute = 5;
    private const int MapPrivateAnonymous = 0x22;
    private const int NoHang = 1;
    private const int SigKill = 9;

    private static readonly byte[] Code =
    [
        0xB8, 57, 0, 0, 0, //  mov eax, SYS_fork
        0x0F, 0x05, //         syscall
        0x85, 0xC0, //         test eax, eax
        0x74, 0x01, //         jz child
        0xC3, //               ret
        0x49, 0x89, 0xF8, //   child: mov r8, rdi (first address)
        0x41, 0x89, 0xD1, //   mov r9d, edx (pages)
        0x89, 0xF7, //         mov edi, esi (eventfd, or -1)
        0x48, 0x83, 0xEC, 8, // sub rsp, 8
        0x48, 0x89, 0xE6, //   mov rsi, rsp
        0xBA, 8, 0, 0, 0, //   mov edx, 8
        0x31, 0xC0, //         xor eax, eax (SYS_read)
        0x0F, 0x05, //         syscall
        0x31, 0xFF, //         xor edi, edi
        0x41, 0x0F, 0xB6, 0x00, // next: movzx eax, byte [r8]
        0x01, 0xC7, //         add edi, eax
        0x49, 0x81, 0xC0, 0, 0x10, 0, 0, // add r8, 4096
        0x41, 0xFF, 0xC9, //   dec r9d
        0x75, 0xEE, //         jnz next
        0xB8, 231, 0, 0, 0, // mov eax, SYS_exit_group
        0x0F, 0x05, //         syscall
    ];

    private readonly nint _code;

    public RawFork()
    {
        Skip.If(RuntimeInformation.ProcessArchitecture != Architecture.X64, "The child's instructions are those of x86-64.");
        _code = Libc.MMap(0, PageSize.Base, ProtReadWrite, MapPrivateAnonymous, -1, 0);
        Assert.NotEqual(-1, _code);
        Marshal.Copy(Code, 0, _code, Code.Length);
        Assert.Equal(0, Libc.MProtect(_code, PageSize.Base, ProtReadExecute));
    }

    /// <summary>Forks; returns when the event, if there is one, has been read.</summary>
    /// <param name="address">First address that the child reads.</param>
    /// <param name="pages">Pages of which it reads a byte.</param>
    /// <param name="signal">An eventfd that it waits for before; -1 for none.</param>
    /// <returns>The child.</returns>
    public int Start(ulong address, int pages = 1, int signal = -1)
    {
        int child = ((delegate* unmanaged<ulong, int, int, int>)_code)(address, signal, pages);
        Assert.True(child > 0, $"fork gave {child}.");
        return child;
    }

    /// <summary>Waits until a child has ended.</summary>
    /// <returns>The sum of the bytes that it has read.</returns>
    public static byte SumOf(int child)
    {
        int status;
        Assert.Equal(child, WaitPid(child, &status, 0));
        Assert.True((status & 0x7F) == 0, $"The child ended with status 0x{status:x}.");
        return (byte)(status >> 8);
    }

    /// <summary>Ends a child that has not ended yet.</summary>
    public static void Kill(int child)
    {
        int status;
        Assert.Equal(0, WaitPid(child, &status, NoHang));
        Assert.Equal(0, KillProcess(child, SigKill));
        Assert.Equal(child, WaitPid(child, &status, 0));
    }

    public void Dispose() => _ = Libc.MUnmap(_code, PageSize.Base);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int KillProcess(int process, int signal);

    [LibraryImport("libc", EntryPoint = "waitpid")]
    private static partial int WaitPid(int process, int* status, int options);
}
