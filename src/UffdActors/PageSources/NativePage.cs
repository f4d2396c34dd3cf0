using System.Runtime.InteropServices;

namespace UffdActors.PageSources;

/// <summary>A native buffer for page content; never on the garbage-collected heap, and never in a registered range.</summary>
public sealed class NativePage : SafeHandle
{
    /// <summary>Allocates a zeroed buffer.</summary>
    /// <param name="bytes">Size.</param>
    public NativePage(int bytes)
        : base(0, ownsHandle: true)
    {
        SetHandle(Marshal.AllocHGlobal(bytes));
        for (int i = 0; i < bytes; i += sizeof(long)) Marshal.WriteInt64(handle, i, 0);
        Bytes = bytes;
    }

    /// <summary>Size in bytes.</summary>
    public int Bytes { get; }

    /// <summary>First byte; valid until the buffer is disposed of.</summary>
    public nint Address => handle;

    /// <inheritdoc />
    public override bool IsInvalid => handle == 0;

    /// <inheritdoc />
    protected override bool ReleaseHandle()
    {
        Marshal.FreeHGlobal(handle);
        return true;
    }
}
