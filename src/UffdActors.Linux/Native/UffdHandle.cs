namespace UffdActors.Linux.Native;

/// <summary>A userfaultfd.</summary>
internal sealed class UffdHandle : LinuxHandle
{
    internal UffdHandle(int descriptor, bool owns = true)
        : base(descriptor, owns)
    {
    }
}
