using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Tests.Profiles;

/// <summary>Memory of a third party whose table says what a test wants it to say, and which counts the calls of its hooks.</summary>
internal sealed class ProbeModule : MemoryModule, IVmUffdOps
{
    public override string Name => "probe";

    public override IVmUffdOps Ops => this;

    public RegisterModes Features { get; init; } = RegisterModes.All;

    public UffdIoctls Ioctls { get; init; } =
        UffdIoctls.Copy | UffdIoctls.ZeroPage | UffdIoctls.WriteProtect | UffdIoctls.Continue | UffdIoctls.Poison;

    public bool HasGetFolio { get; init; } = true;

    public bool HasCopy { get; init; } = true;

    /// <summary>What GetFolio answers instead of looking.</summary>
    public Errno? Lookup { get; init; }

    /// <summary>GetFolio says "found" and names nothing.</summary>
    public bool FindsNothing { get; init; }

    /// <summary>What Copy answers at its second call, with the folio that core has filled.</summary>
    public Errno SecondCopy { get; init; }

    public int Lookups { get; private set; }

    /// <summary>For each call of Copy, whether it was given a folio.</summary>
    public List<bool> Copies { get; } = [];

    public CopyRequest LastCopy { get; private set; }

    public Errno GetFolio(MemoryFile file, long index, out uint folio)
    {
        Lookups++;
        CacheSlot slot = file.SlotAt(index);
        folio = FindsNothing ? FolioStore.None : slot.Folio;
        return Lookup ?? (slot.IsPresent ? Errno.None : Errno.ENOENT);
    }

    public Errno Copy(in CopyRequest request, ref uint folio)
    {
        Copies.Add(folio != FolioStore.None);
        LastCopy = request;
        if (folio != FolioStore.None) return SecondCopy;
        if (request.Source.Kind == FillSourceKind.User)
        {
            folio = request.File.Store.AllocateZeroed();
            return Errno.ENOENT;
        }

        folio = request.File.Store.AllocateFrom(request.Source);
        return Errno.None;
    }
}
