namespace UffdActors.Serve.Dialects;

/// <summary>
/// The first message of a VMM as it comes in, piece by piece: whose dialect it is, and where it ends. Pure; each byte is looked at once.
/// </summary>
internal sealed class FirstMessage
{
    private static readonly IHandOverDialect[] Dialects = [new CloudHypervisorDialect(), new FirecrackerDialect()];

    private readonly byte[] _bytes = new byte[HandOverMessage.MaxBytes];
    private IHandOverDialect? _dialect;
    private MessageScan _scan;
    private int _length;

    /// <summary>Where the next bytes go; never empty.</summary>
    public Span<byte> Room => _bytes.AsSpan(_length);

    /// <summary>Bytes that have come.</summary>
    public int Length => _length;

    /// <summary>True if none has.</summary>
    public bool IsEmpty => _length == 0;

    /// <summary>Takes bytes that have been put into the room.</summary>
    /// <param name="bytes">How many, at least 1.</param>
    /// <param name="descriptors">Descriptors that have come so far.</param>
    /// <returns>The message, when all of it is there; null before.</returns>
    /// <exception cref="HandOverException">It is none, or none that can be served.</exception>
    public HandOverMessage? Add(int bytes, int descriptors)
    {
        _length += bytes;
        ReadOnlySpan<byte> all = _bytes.AsSpan(0, _length);
        if (_dialect is null)
        {
            foreach (IHandOverDialect dialect in Dialects)
            {
                bool? begins = dialect.Begins(all);
                // It may still become one: others are not asked before it says no.
                if (begins is null) return null;
                if (begins is false) continue;
                _dialect = dialect;
                break;
            }

            if (_dialect is null) throw Unknown(all);
        }

        if (_dialect.FindEnd(all, ref _scan) is { } end) return Read(all[..end], all[end..], descriptors);
        if (_length == _bytes.Length)
            throw new HandOverException(
                $"The first message has no end within {HandOverMessage.MaxBytes} bytes; the layout of a guest takes some hundred.");
        return null;
    }

    private HandOverMessage Read(ReadOnlySpan<byte> message, ReadOnlySpan<byte> rest, int descriptors)
    {
        try
        {
            return _dialect!.Read(message, rest, descriptors);
        }
        catch (InvalidOperationException e)
        {
            // Text that is JSON and no Unicode: half a surrogate pair.
            throw new HandOverException("The first message has text in it that is no Unicode.", e);
        }
    }

    private static HandOverException Unknown(ReadOnlySpan<byte> bytes)
    {
        const int Shown = 16;
        string start = string.Concat(bytes[..Math.Min(bytes.Length, Shown)].ToArray().Select(b => b is >= 0x20 and < 0x7f ? (char)b : '.'));
        return new HandOverException(
            $"The first message is in no dialect that is known here (Firecracker, Cloud Hypervisor): it begins with \"{start}\".");
    }
}
