using System.Runtime.InteropServices;

namespace UffdActors.Linux.Native;

/// <summary>A file descriptor that is closed exactly once, and never while a call is using it.</summary>
/// <remarks>Safe for any thread.</remarks>
public abstract class LinuxHandle : SafeHandle
{
    private protected LinuxHandle(int descriptor, bool owns)
        : base(-1, owns) => SetHandle(descriptor);

    /// <inheritdoc />
    public override bool IsInvalid => handle < 0;

    /// <summary>Number of the descriptor in this process; valid until the handle is disposed of.</summary>
    public int Number => (int)handle;

    /// <inheritdoc />
    protected override bool ReleaseHandle() => Libc.Close((int)handle) == 0;

    /// <summary>Keeps the descriptor open for the duration of a call.</summary>
    internal Lease Use() => new(this);

    /// <summary>A descriptor in use.</summary>
    internal readonly ref struct Lease
    {
        private readonly LinuxHandle _owner;

        public Lease(LinuxHandle owner)
        {
            bool taken = false;
            // Throws if the handle has been disposed of, so there is no lease without a reference.
            owner.DangerousAddRef(ref taken);
            _owner = owner;
        }

        public int Number => (int)_owner.handle;

        public void Dispose() => _owner.DangerousRelease();
    }
}
