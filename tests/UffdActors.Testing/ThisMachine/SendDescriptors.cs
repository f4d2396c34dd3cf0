using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace UffdActors.Testing.ThisMachine;

/// <summary>Sends descriptors over a Unix socket, which .NET's own calls do not.</summary>
internal static class SendDescriptors
{
    private const int HeaderBytes = 16;
    private const int NoSignal = 0x4000;

    /// <summary>Sends bytes, and descriptors with the first of them.</summary>
    /// <returns>False if the other side has closed its end.</returns>
    public static bool Send(Socket socket, ReadOnlySpan<byte> bytes, params ReadOnlySpan<int> descriptors)
    {
        byte[] control = new byte[HeaderBytes + ((descriptors.Length * sizeof(int)) + 7 & ~7)];
        MemoryMarshal.Write(control, (long)HeaderBytes + (descriptors.Length * sizeof(int)));
        // SOL_SOCKET, SCM_RIGHTS.
        MemoryMarshal.Write(control.AsSpan(8), 1);
        MemoryMarshal.Write(control.AsSpan(12), 1);
        MemoryMarshal.AsBytes(descriptors).CopyTo(control.AsSpan(HeaderBytes));
        GCHandle content = GCHandle.Alloc(bytes.ToArray(), GCHandleType.Pinned);
        GCHandle rights = GCHandle.Alloc(control, GCHandleType.Pinned);
        // struct iovec; struct msghdr.
        nint[] vector = [content.AddrOfPinnedObject(), bytes.Length];
        GCHandle vectors = GCHandle.Alloc(vector, GCHandleType.Pinned);
        bool hasRights = !descriptors.IsEmpty;
        nint[] message = [
            0, 0, vectors.AddrOfPinnedObject(), 1, hasRights ? rights.AddrOfPinnedObject() : 0, hasRights ? control.Length : 0, 0];
        try
        {
            return SendMessage((int)socket.Handle, message, NoSignal) == bytes.Length;
        }
        finally
        {
            content.Free();
            rights.Free();
            vectors.Free();
        }
    }

#pragma warning disable SYSLIB1054 // The source-generated form needs unsafe code, which this project does without.
    [DllImport("libc", EntryPoint = "sendmsg")]
    private static extern nint SendMessage(int socket, nint[] message, int flags);
#pragma warning restore SYSLIB1054
}
