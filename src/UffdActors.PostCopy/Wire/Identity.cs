using System.Buffers.Binary;
using System.Security.Cryptography;

namespace UffdActors.PostCopy.Wire;

/// <summary>A number that names one migration, or one destination, and that nobody else will choose.</summary>
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
