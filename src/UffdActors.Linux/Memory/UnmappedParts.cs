namespace UffdActors.Linux.Memory;

/// <summary>Parts of guest memory that were unmapped: their addresses may be another's, so these stay. Any thread.</summary>
internal sealed class UnmappedParts
{
    private readonly List<(long Start, long End)> _parts = [];

    /// <summary>A part has been unmapped; in bytes from the start of the memory.</summary>
    public void Add(long offset, long bytes)
    {
        lock (_parts)
        {
            // Memory that is unmapped from its front in slices is one part.
            if (_parts.Count > 0 && _parts[^1].End == offset) _parts[^1] = (_parts[^1].Start, offset + bytes);
            else _parts.Add((offset, offset + bytes));
        }
    }

    /// <summary>What is still mapped of so many bytes, ascending.</summary>
    public IReadOnlyList<(long Start, long End)> Rest(long bytes)
    {
        lock (_parts)
        {
            List<(long Start, long End)> rest = [];
            long next = 0;
            foreach ((long start, long end) in _parts.OrderBy(part => part.Start).Append((bytes, bytes)))
            {
                if (start > next) rest.Add((next, start));
                next = Math.Max(next, end);
            }

            return rest;
        }
    }
}
