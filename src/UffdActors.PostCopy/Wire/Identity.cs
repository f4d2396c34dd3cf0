using System.Buffers.Binary;
using System.Security.Cryptography;

namespace UffdActors.PostCopy.Wire;

/// <summary>A random number that names one migration, or one destination; a collision is practically impossible.</summary>
internal static class Identity
{
    /// <summary>Chooses one.</summary>
    public static UInt128 New()
    {
        Span<byte> bytes = stackalloc byte[16];
        RandomNumberGenerator.Fill(bytes);
        return BinaryPrimitives.ReadUInt128LittleEndian(bytes);
    }
}
