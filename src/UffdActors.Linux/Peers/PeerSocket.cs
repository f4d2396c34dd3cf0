using System.Net.Sockets;
using UffdActors.Linux.Native;

namespace UffdActors.Linux.Peers;

/// <summary>
/// Reads from a Unix socket what .NET's own calls drop, and sends it: descriptors that come with the bytes. A stream has them with the
/// first byte that they were sent with, and a read of any other kind loses them; so every read of such a socket goes through here.
/// </summary>
public static unsafe class PeerSocket
{
    /// <summary>The most descriptors that the kernel lets one message carry (SCM_MAX_FD).</summary>
    public const int MaxDescriptors = 253;

    private const int SolSocket = 1;
    private const int ScmRights = 1;
    private const int DontWait = 0x40;
    private const int NoSignal = 0x4000;
    private const int ControlCut = 0x8;
    private const int CloseOnExec = 0x40000000;

    /// <summary>
    /// Reads what is there, without waiting: up to the end of the next bytes that were sent with descriptors, and those descriptors.
    /// </summary>
    /// <param name="socket">A connected Unix socket.</param>
    /// <param name="room">Where the bytes go; not empty.</param>
    /// <param name="descriptors">Gets the descriptors, close-on-exec, in the order in which they were sent; they are the caller's.</param>
    /// <returns>Bytes read; 0 when the other side has closed its end; -1 if nothing is there yet.</returns>
    /// <exception cref="SyscallException">
    /// EMFILE: this process has not enough descriptors left for those that were sent, and some are lost; ECONNRESET and others: the
    /// connection is over.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no room.</exception>
    public static int Receive(Socket socket, Span<byte> room, ICollection<ReceivedDescriptor> descriptors)
    {
        ArgumentNullException.ThrowIfNull(socket);
        ArgumentNullException.ThrowIfNull(descriptors);
        ArgumentOutOfRangeException.ThrowIfZero(room.Length);
        const int ControlBytes = ControlHeader.Bytes + (((MaxDescriptors * sizeof(int)) + 7) & ~7);
        byte* control = stackalloc byte[ControlBytes];
        nint bytes;
        MessageHeader message;
        fixed (byte* into = room)
        {
            IoVector vector = new() { Address = into, Bytes = (nuint)room.Length };
            message = new() { Vectors = &vector, VectorCount = 1, Control = control, ControlBytes = ControlBytes };
            bytes = Receive(socket.SafeHandle, &message);
        }

        Errno error = bytes < 0 ? Libc.LastError : Errno.None;
        if (error is Errno.EAGAIN or Errno.EINTR) return -1;
        if (error != Errno.None) throw new SyscallException("recvmsg", error);
        for (nuint at = 0; at + ControlHeader.Bytes <= message.ControlBytes;)
        {
            ControlHeader* header = (ControlHeader*)(control + at);
            if (header->Length < ControlHeader.Bytes) break;
            if (header->Level == SolSocket && header->Type == ScmRights)
            {
                int* numbers = (int*)(control + at + ControlHeader.Bytes);
                int count = (int)((header->Length - ControlHeader.Bytes) / sizeof(int));
                for (int i = 0; i < count; i++) descriptors.Add(new ReceivedDescriptor(numbers[i]));
            }

            at += (header->Length + 7) & ~(nuint)7;
        }

        return (message.Flags & ControlCut) == 0
            ? (int)bytes
            : throw new SyscallException(
                "recvmsg", Errno.EMFILE, "this process has as many descriptors open as it may; raise RLIMIT_NOFILE (ulimit -n).");
    }

    /// <summary>Sends bytes in one message, with descriptors along; they stay the caller's.</summary>
    /// <param name="socket">A connected Unix socket, of streams or datagrams.</param>
    /// <param name="bytes">The bytes, at least one.</param>
    /// <param name="descriptors">Numbers of descriptors of this process, <see cref="MaxDescriptors"/> at most.</param>
    /// <exception cref="SyscallException">The kernel refuses, or did not take all of it.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There are no bytes, or too many descriptors.</exception>
    public static void Send(Socket socket, ReadOnlySpan<byte> bytes, params ReadOnlySpan<int> descriptors)
    {
        ArgumentNullException.ThrowIfNull(socket);
        ArgumentOutOfRangeException.ThrowIfZero(bytes.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(descriptors.Length, MaxDescriptors);
        int length = ControlHeader.Bytes + (descriptors.Length * sizeof(int));
        byte* control = stackalloc byte[(length + 7) & ~7];
        *(ControlHeader*)control = new ControlHeader { Length = (nuint)length, Level = SolSocket, Type = ScmRights };
        descriptors.CopyTo(new Span<int>(control + ControlHeader.Bytes, descriptors.Length));
        nint sent;
        fixed (byte* from = bytes)
        {
            IoVector vector = new() { Address = from, Bytes = (nuint)bytes.Length };
            MessageHeader message = new()
            {
                Vectors = &vector,
                VectorCount = 1,
                Control = descriptors.IsEmpty ? null : control,
                ControlBytes = descriptors.IsEmpty ? 0 : (nuint)((length + 7) & ~7),
            };
            sent = Send(socket.SafeHandle, &message);
        }

        if (sent != bytes.Length) throw new SyscallException("sendmsg", sent < 0 ? Libc.LastError : Errno.EAGAIN);
    }

    private static nint Send(SafeSocketHandle socket, MessageHeader* message)
    {
        bool taken = false;
        try
        {
            socket.DangerousAddRef(ref taken);
            return Libc.SendMsg((int)socket.DangerousGetHandle(), message, NoSignal);
        }
        finally
        {
            if (taken) socket.DangerousRelease();
        }
    }

    private static nint Receive(SafeSocketHandle socket, MessageHeader* message)
    {
        bool taken = false;
        try
        {
            socket.DangerousAddRef(ref taken);
            return Libc.RecvMsg((int)socket.DangerousGetHandle(), message, DontWait | CloseOnExec);
        }
        finally
        {
            if (taken) socket.DangerousRelease();
        }
    }
}
