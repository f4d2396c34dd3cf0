using System.Buffers.Binary;
using UffdActors.Model.Memory;

namespace UffdActors.PostCopy.Wire;

/// <summary>The runs of a frame of content: so many pages of bytes, so many of zeros, and so on.</summary>
internal static class PageRuns
{
    /// <summary>Writes a run.</summary>
    public static void Write(Span<byte> bytes, int pages, bool hasBytes) =>
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, ((uint)pages << 1) | (hasBytes ? 1u : 0u));

    /// <summary>Reads a run that <see cref="Check"/> has found to be one.</summary>
    public static (int Pages, bool HasBytes) Read(ReadOnlySpan<byte> bytes)
    {
        uint run = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        return ((int)(run >> 1), (run & 1) != 0);
    }

    /// <summary>Checks that the runs are the frame's pages, and that their bytes are its body.</summary>
    /// <exception cref="WireException">They are not.</exception>
    public static void Check(in FrameHeader header, ReadOnlySpan<byte> runs)
    {
        long pages = 0;
        long withBytes = 0;
        for (int i = 0; i < header.Runs; i++)
        {
            (int count, bool hasBytes) = Read(runs[(i * FrameHeader.RunBytes)..]);
            if (count == 0) throw new WireException("a run of no pages");
            pages += count;
            if (hasBytes) withBytes += count;
        }

        if (pages != header.Pages || (withBytes << PageSize.BaseShift) != header.Body - (header.Runs * FrameHeader.RunBytes))
            throw new WireException($"runs of {pages} pages in a frame of {header.Pages}, {header.Body} bytes");
    }
}
