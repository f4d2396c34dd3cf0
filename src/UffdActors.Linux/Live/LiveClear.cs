using UffdActors.Handling;

namespace UffdActors.Linux.Live;

/// <summary>Clears the write protection of a request's page.</summary>
internal sealed class LiveClear : LiveCall
{
    public LiveClear(LiveThread thread, LiveUserfault userfault, PageRequest request)
        : base(thread, userfault, request)
    {
        Restart();
        Start = request.Address;
    }

    protected override void Issue(LiveBackend backend)
    {
        Error = Request!.BeforeWrite();
        if (Error == Errno.None) Error = Userfault.Uffd.WriteProtect(Start, backend.PageBytes, WriteProtectModes.Clear).Error;
    }
}
