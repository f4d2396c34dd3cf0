namespace UffdActors.Serve.Keeping;

/// <summary>Keeps the guests of one session for a successor, and has those of a predecessor.</summary>
/// <param name="folder">The state folder.</param>
/// <param name="manager">The service manager.</param>
/// <param name="session">Name of the session.</param>
/// <param name="files">The files that its guests are served from.</param>
/// <param name="found">Guests that a predecessor has kept.</param>
/// <param name="storeIsPreserved">What the manager keeps stays also when this service is stopped.</param>
internal sealed class GuestKeeper(
    StateFolder folder, ServiceManager manager, string session, IReadOnlyList<string> files, IReadOnlyList<KeptGuest> found,
    bool storeIsPreserved)
{
    /// <summary>Guests that a predecessor has kept.</summary>
    public IReadOnlyList<KeptGuest> Found => found;

    /// <summary>True if somebody holds the descriptors of a guest that is left.</summary>
    public bool HoldsDescriptors => manager.KeepsDescriptors && storeIsPreserved;

    /// <summary>Keeps a guest that has just been handed over.</summary>
    /// <exception cref="ServeException">It cannot be written.</exception>
    public KeptGuest Keep(int number, HandOver handOver)
    {
        try
        {
            return KeptGuest.Keep(folder, manager, session, number, handOver, [.. files.Select(FileMark.Of)]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or Linux.SyscallException)
        {
            throw new ServeException($"State folder \"{folder.Path}\" cannot be written to ({e.Message.TrimEnd('.')}).", e);
        }
    }
}
