namespace UffdActors.Serve.Dialects;

/// <summary>How far a message that carries no length has been looked at, so that no byte is looked at twice.</summary>
internal struct MessageScan
{
    private bool _isInText;
    private bool _isEscaped;
    private int _depth;
    private int _at;

    /// <summary>Goes on to the end of the JSON value that begins with a bracket.</summary>
    /// <param name="bytes">All that has come so far.</param>
    /// <returns>Bytes up to the bracket that closes the first one; null if it has not come yet.</returns>
    public int? EndOfArray(ReadOnlySpan<byte> bytes)
    {
        for (; _at < bytes.Length; _at++)
        {
            byte next = bytes[_at];
            if (_isInText)
            {
                if (_isEscaped) _isEscaped = false;
                else if (next == '\\') _isEscaped = true;
                else if (next == '"') _isInText = false;
                continue;
            }

            if (next == '"') _isInText = true;
            else if (next is (byte)'[' or (byte)'{') _depth++;
            else if (next is (byte)']' or (byte)'}' && --_depth == 0) return _at + 1;
        }

        return null;
    }
}
