namespace UffdActors.Linux.Native;

/// <summary>An eventfd.</summary>
internal sealed class EventHandle : LinuxHandle
{
    internal EventHandle(int descriptor)
        : base(descriptor, true)
    {
    }
}
