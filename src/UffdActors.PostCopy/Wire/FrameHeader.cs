using System.Buffers.Binary;
using UffdActors.Model.Memory;

namespace UffdActors.PostCopy.Wire;

/// <summary>
/// The first 32 bytes of every frame, little endian: body length (4), kind (1), zero (1), region (2), id (8), first page (8), pages (4),
/// runs (4). Fields that a kind does not use are zero. WIRE.md has their meaning for each kind.
/// </summary>
internal readonly record struct FrameHeader
{
    /// <summary>Bytes of a header.</summary>
    public const int Size = 32;

    /// <summary>Bytes of the number of pages in a run; its lowest bit is set if the run has bytes.</summary>
    public const int RunBytes = 4;

    /// <summary>What follows the header, in bytes.</summary>
    public int Body { get; init; }

    /// <summary>What the frame is.</summary>
    public required MessageKind Kind { get; init; }

    /// <summary>Region of the pages.</summary>
    public int Region { get; init; }

    /// <summary>Request, epoch, or count.</summary>
    public ulong Id { get; init; }

    /// <summary>First base page within the region.</summary>
    public long FirstPage { get; init; }

    /// <summary>Base pages; or flags.</summary>
    public int Pages { get; init; }

    /// <summary>Runs of pages with the same kind of content, at the beginning of the body; or a count.</summary>
    public int Runs { get; init; }

    /// <summary>Writes it.</summary>
    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteInt32LittleEndian(bytes, Body);
        bytes[4] = (byte)Kind;
        bytes[5] = 0;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[6..], (ushort)Region);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], Id);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[16..], FirstPage);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[24..], Pages);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[28..], Runs);
    }

    /// <summary>Reads one, and checks every length and number against <see cref="WireLimits"/>.</summary>
    /// <exception cref="WireException">It is no header of this protocol.</exception>
    public static FrameHeader Read(ReadOnlySpan<byte> bytes)
    {
        FrameHeader header = new()
        {
            Body = BinaryPrimitives.ReadInt32LittleEndian(bytes),
            Kind = (MessageKind)bytes[4],
            Region = BinaryPrimitives.ReadUInt16LittleEndian(bytes[6..]),
            Id = BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]),
            FirstPage = BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]),
            Pages = BinaryPrimitives.ReadInt32LittleEndian(bytes[24..]),
            Runs = BinaryPrimitives.ReadInt32LittleEndian(bytes[28..]),
        };
        if (bytes[5] != 0 || !header.IsWithinLimits())
            throw new WireException($"a frame of kind {(byte)header.Kind} with {header.Body} bytes is none of this protocol");
        return header;
    }

    private bool IsWithinLimits() => Kind switch
    {
        MessageKind.Hello => Body == Hello.Size && HasNoPages,
        MessageKind.Welcome => Body == Welcome.Size && HasNoPages,
        MessageKind.Rejected or MessageKind.Refused or MessageKind.Abandon or MessageKind.Lost =>
            Body is >= 0 and <= WireLimits.TextBytes && HasNoPages,
        MessageKind.Offer => HasNoPages && Region is >= 1 and <= WireLimits.Regions && Body >= Offer.SizeOf(Region)
            && Body <= Offer.SizeOf(Region) + WireLimits.GuestBytes,
        MessageKind.OfferTaken or MessageKind.Accepted or MessageKind.Complete or MessageKind.Ping or MessageKind.Bye
            or MessageKind.ContentEnd => Body == 0 && HasNoPages,
        MessageKind.Content or MessageKind.Answer => IsContent(),
        MessageKind.Discard => Pages is > 0 and <= WireLimits.PagesADiscard && HasPages && Body == (Pages + 7) / 8 && Runs == 0,
        MessageKind.HandOver => Body is >= 0 and <= WireLimits.StateBytes && HasNoPages,
        MessageKind.Request => Body == 0 && Pages is > 0 and <= WireLimits.PagesARequest && HasPages && Runs == 0,
        MessageKind.Finished => Body is >= Sha256.Size and <= WireLimits.StateBytes + Sha256.Size && HasNoPages,
        MessageKind.Verdict => Body == Sha256.Size && HasNoPages,
        _ => false,
    };

    private bool HasNoPages => FirstPage == 0 && Pages == 0 && Runs == 0 && (Region == 0 || Kind == MessageKind.Offer);

    private bool HasPages => FirstPage >= 0 && FirstPage <= WireLimits.PagesARegion - Pages && Region < WireLimits.Regions;

    private bool IsContent()
    {
        if (Pages is < 1 or > WireLimits.PagesAFrame || !HasPages || Runs < 1 || Runs > Pages) return false;
        int content = Body - (Runs * RunBytes);
        return content >= 0 && content <= Pages << PageSize.BaseShift && content % PageSize.Base == 0;
    }
}
