using System.Runtime.InteropServices;
using UffdActors.Linux.Native;
using UffdActors.Model.Memory;

namespace UffdActors.Linux.Tests.World;

/// <summary>
/// A fork whose child runs a few instructions of its own and nothing else, for managed code must not run there: it reads one byte and exits with it.
/// </summary>
internal sealed unsafe partial class RawFork : IDisposable
{
    private const int ProtReadWrite = 3;
    private const int ProtReadExecute = 5;
    private const int MapPrivateAnonymous = 0x22;

    private static readonly byte[] Code =
    [
        0xB8, 57, 0, 0, 0, //  mov eax, SYS_fork
        0x0F, 0x05, //         syscall
        0x85, 0xC0, //         test eax, eax
        0x74, 0x01, //         jz child
        0xC3, //               ret
        0x0F, 0xB6, 0x3F, //   child: movzx edi, byte [rdi]
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

    /// <summary>Forks; returns when the event, if there is one, has been read and the child has ended.</summary>
    /// <returns>The byte that the child found.</returns>
    public byte ReadInChild(ulong address)
    {
        int child = ((delegate* unmanaged<ulong, int>)_code)(address);
        Assert.True(child > 0, $"fork gave {child}.");
        int status;
        Assert.Equal(child, WaitPid(child, &status, 0));
        Assert.True((status & 0x7F) == 0, $"The child ended with status 0x{status:x}.");
        return (byte)(status >> 8);
    }

    public void Dispose() => _ = Libc.MUnmap(_code, PageSize.Base);

    [LibraryImport("libc", EntryPoint = "waitpid")]
    private static partial int WaitPid(int process, int* status, int options);
}
