using UffdActors.Linux.Memory;
using UffdActors.Linux.Needs;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Model.Memory;

namespace UffdActors.Linux.Machine;

/// <summary>Registers a page of each kind of memory in each mode, and writes down what the kernel answers.</summary>
internal static class RegisterSurvey
{
    private static readonly (string Letters, RegisterModes Modes)[] Combinations =
    [
        ("M", RegisterModes.Missing), ("W", RegisterModes.WriteProtect), ("I", RegisterModes.Minor),
        ("MW", RegisterModes.Missing | RegisterModes.WriteProtect),
        ("MI", RegisterModes.Missing | RegisterModes.Minor), ("WI", RegisterModes.WriteProtect | RegisterModes.Minor),
        ("MWI", RegisterModes.All),
    ];

    /// <summary>Asks.</summary>
    /// <param name="hugePages">True if there is a huge page to ask about.</param>
    public static IReadOnlyList<RegisterFact> Run(bool hugePages)
    {
        List<RegisterFact> facts = [];
        Ask(facts, "anonymous", () => GuestMemory.MapAnonymous(PageSize.Base));
        Ask(facts, "shmem", () => Map(MemoryObject.CreateShmem("register", PageSize.Base), isShared: true));
        Ask(facts, "shmem private", () => Map(MemoryObject.CreateShmem("register", PageSize.Base), isShared: false));
        if (hugePages) Ask(facts, "hugetlb", () => Map(MemoryObject.CreateHugetlb("register", PageSize.Huge), isShared: true));
        else facts.Add(new RegisterFact("hugetlb", "sync", "", "no free huge page to ask about", []));
        Ask(facts, RegisterFact.GuestMemfd, () => Map(MemoryObject.CreateGuestMemfd(PageSize.Base), isShared: true));
        return facts;
    }

    private static void Ask(List<RegisterFact> facts, string name, Func<GuestMemory> map)
    {
        try
        {
            using GuestMemory memory = map();
            foreach ((string letters, RegisterModes modes) in Combinations) facts.Add(Ask(name, memory, UffdFeatures.None, letters, modes));
            facts.Add(Ask(name, memory, UffdFeatures.WpAsync, "W", RegisterModes.WriteProtect));
        }
        catch (Exception e) when (e is UnsupportedMachineException or SyscallException)
        {
            facts.Add(new RegisterFact(name, "sync", "", e.Message, []));
        }
    }

    private static RegisterFact Ask(string name, GuestMemory memory, UffdFeatures features, string letters, RegisterModes modes)
    {
        using UffdDescriptor uffd = UffdDescriptor.Open(new UffdOpenOptions { AllowUserModeOnly = true });
        Errno error = uffd.Handshake(features, out _);
        UffdIoctls ioctls = UffdIoctls.None;
        if (error == Errno.None) error = uffd.Register(memory.Address, memory.Bytes, modes, out ioctls);
        return new RegisterFact(
            name, features == UffdFeatures.None ? "sync" : "async", letters, UffdAccess.Text(error), MachineProbe.NamesOf(ioctls));
    }

    private static GuestMemory Map(MemoryObject memory, bool isShared)
    {
        using (memory) return GuestMemory.Map(memory, 0, memory.Bytes, isShared);
    }
}
