namespace UffdActors.Linux.Native;

/// <summary>Waiting.</summary>
internal static class Wait
{
    public const short POLLIN = 1;
    public const short POLLPRI = 2;
    public const short POLLOUT = 4;
}
