namespace UffdActors.Vcpus;

/// <summary>What a read of the guest must find.</summary>
internal interface IContentCheck
{
    /// <summary>The eight bytes at an offset of a page that no vCPU writes; null if that is not known.</summary>
    ulong? WordAt(int region, long page, int offset);
}
