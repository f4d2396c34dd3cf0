using UffdActors.Handling;
using UffdActors.Linux.Memory;

namespace UffdActors.Linux.Live;

/// <summary>
/// Maps a page of the alias, which makes one of zeros where a hole was punched. Content needs no such call, for a write maps the page by
/// itself.
/// </summary>
internal sealed class LivePopulate : LiveCall
{
    private readonly ulong _address;

    public LivePopulate(LiveThread thread, LiveUserfault userfault, PageRequest request, ulong address)
        : base(thread, userfault, request)
    {
        Restart();
        Start = request.Address;
        _address = address;
    }

    protected override void Issue(LiveBackend backend)
    {
        // The alias is never registered, so what this faults in raises no userfault.
        GuestMemory alias = Userfault.AliasAt(_address)!;
        Error = alias.Advise((long)(_address - alias.Address), backend.PageBytes, MemoryAdvice.PopulateRead);
    }
}
