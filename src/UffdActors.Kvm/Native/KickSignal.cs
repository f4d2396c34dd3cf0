using System.Runtime.InteropServices;
using UffdActors.Linux;

namespace UffdActors.Kvm.Native;

/// <summary>
/// The signal that brings a vCPU's thread out of KVM_RUN. It has a handler that does nothing, without SA_RESTART, so that KVM_RUN ends with
/// EINTR.
/// </summary>
internal static unsafe class KickSignal
{
    /// <summary>A real-time signal that neither .NET (34) nor the C library (32, 33) uses.</summary>
    public const int Number = 46;

    private const int SysTgkill = 234;
    private const int SigActionBytes = 152;
    private static readonly Lazy<bool> Handler = new(Install);

    /// <summary>Installs the handler, once.</summary>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public static void Prepare() => _ = Handler.Value;

    /// <summary>Sends it to a thread of this process; nothing happens if that has ended.</summary>
    public static void Send(int thread) => _ = Libc.Syscall(SysTgkill, Environment.ProcessId, thread, Number);

    // abs(3) takes an int and has no side effects: native code with the signature of a handler. A C# method would run managed code in a
    // signal frame.
    private static bool Install()
    {
        byte* action = stackalloc byte[SigActionBytes];
        new Span<byte>(action, SigActionBytes).Clear();
        *(nint*)action = NativeLibrary.GetExport(NativeLibrary.Load("libc.so.6"), "abs");
        return Libc.SigAction(Number, action, null) == 0 ? true : throw new SyscallException($"sigaction({Number})", Libc.LastError);
    }
}
