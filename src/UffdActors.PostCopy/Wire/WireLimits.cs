using UffdActors.Model.Memory;

namespace UffdActors.PostCopy.Wire;

/// <summary>Bounds of everything that a peer can make this side allocate or wait for.</summary>
internal static class WireLimits
{
    /// <summary>Base pages in one frame of content; an answer to a larger request comes in several.</summary>
    public const int PagesAFrame = 512;

    /// <summary>Bytes of content in one frame.</summary>
    public const int ContentBytes = PagesAFrame << PageSize.BaseShift;

    /// <summary>Base pages in one request: the largest page that hardware has.</summary>
    public const int PagesARequest = 1 << 18;

    /// <summary>Bytes of a guest's state, without its memory.</summary>
    public const int StateBytes = 16 << 20;

    /// <summary>Pages in one frame of the discard set, a bit each.</summary>
    public const int PagesADiscard = 1 << 19;

    /// <summary>Bytes of a text.</summary>
    public const int TextBytes = 512;

    /// <summary>Bytes that an offer says of the guest.</summary>
    public const int GuestBytes = 4096;

    /// <summary>Regions of a guest.</summary>
    public const int Regions = 64;

    /// <summary>Base pages of a region: 16 TiB.</summary>
    public const long PagesARegion = 1L << 32;

    /// <summary>Background lanes.</summary>
    public const int Channels = 16;
}
