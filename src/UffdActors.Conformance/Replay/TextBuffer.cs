namespace UffdActors.Conformance.Replay;

/// <summary>Text that is written again at every step, and turned into a string only if it has changed.</summary>
internal sealed class TextBuffer
{
    private const string Digits = "0123456789abcdef";

    private char[] _chars = new char[512];
    private int _length;
    private string? _last;

    /// <summary>True if nothing was written.</summary>
    public bool IsEmpty => _length == 0;

    public void Clear() => _length = 0;

    public void Append(char c)
    {
        if (_length == _chars.Length) Grow(1);
        _chars[_length++] = c;
    }

    public void Append(string text)
    {
        if (_length + text.Length > _chars.Length) Grow(text.Length);
        text.CopyTo(_chars.AsSpan(_length));
        _length += text.Length;
    }

    /// <summary>A number in lower-case hex digits without leading zeros.</summary>
    public void AppendHex(ulong word)
    {
        int shift = 60;
        while (shift > 0 && word >> shift == 0) shift -= 4;
        for (; shift >= 0; shift -= 4) Append(Digits[(int)(word >> shift) & 15]);
    }

    public void AppendNumber(long number)
    {
        if (_length + 20 > _chars.Length) Grow(20);
        _ = number.TryFormat(_chars.AsSpan(_length), out int written, default, System.Globalization.CultureInfo.InvariantCulture);
        _length += written;
    }

    /// <summary>The text if it has changed since the last call; else null.</summary>
    public string? TakeIfChanged()
    {
        ReadOnlySpan<char> text = _chars.AsSpan(0, _length);
        if (_last is not null && text.SequenceEqual(_last)) return null;
        return _last = text.ToString();
    }

    private void Grow(int by) => Array.Resize(ref _chars, Math.Max(_chars.Length * 2, _length + by));
}
