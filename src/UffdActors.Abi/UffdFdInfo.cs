using System.Globalization;

namespace UffdActors.Abi;

/// <summary>The state of a userfaultfd in <c>/proc/PID/fdinfo</c>: the only way to see its queues from outside.</summary>
/// <param name="Pending">Unread faults.</param>
/// <param name="Total">Threads that sleep in a fault, read or not. Waiters for events are not counted.</param>
/// <param name="Features">What was asked for in the handshake; none before it.</param>
/// <param name="IsInitialized">True once the handshake is done.</param>
public readonly record struct UffdFdInfo(int Pending, int Total, UffdFeatures Features, bool IsInitialized)
{
    /// <summary>Reads it for a descriptor of a process.</summary>
    /// <exception cref="IOException">The process or the descriptor is gone.</exception>
    /// <exception cref="FormatException">The descriptor is no userfaultfd.</exception>
    public static UffdFdInfo Read(int process, int descriptor)
    {
        string path = string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/fdinfo/{descriptor}");
        return Parse(File.ReadAllText(path)) ?? throw new FormatException($"{path} does not describe a userfaultfd.");
    }

    /// <summary>Reads it out of the file's text.</summary>
    /// <returns>Null if the text does not describe a userfaultfd.</returns>
    public static UffdFdInfo? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int? pending = null, total = null;
        ulong word = 0;
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            if (line.StartsWith("pending:")) pending = int.Parse(line[8..].Trim(), CultureInfo.InvariantCulture);
            else if (line.StartsWith("total:")) total = int.Parse(line[6..].Trim(), CultureInfo.InvariantCulture);
            else if (line.StartsWith("API:")) word = FeatureWord(line[4..].Trim());
        }

        if (pending is null || total is null) return null;
        return new UffdFdInfo(pending.Value, total.Value, (UffdFeatures)(word & ~Uffd.InitializedBit), (word & Uffd.InitializedBit) != 0);
    }

    // "aa:FEATURES:IOCTLS", hexadecimal.
    private static ulong FeatureWord(ReadOnlySpan<char> api)
    {
        int first = api.IndexOf(':');
        int last = api.LastIndexOf(':');
        return first < 0 || last <= first
            ? 0
            : ulong.Parse(api[(first + 1)..last], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }
}
