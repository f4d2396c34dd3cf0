using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace UffdActors.PostCopy;

/// <summary>Where a destination listens, as QEMU writes it: <c>tcp:HOST:PORT</c> or <c>unix:PATH</c>.</summary>
public sealed class MigrationAddress
{
    private const string TcpScheme = "tcp:";
    private const string UnixScheme = "unix:";

    // sun_path of <linux/un.h>, with the zero behind it.
    private const int LongestPath = 107;

    private readonly string? _host;
    private readonly int _port;

    private MigrationAddress(string text, string? path, string? host, int port)
    {
        Text = text;
        Path = path;
        _host = host;
        _port = port;
    }

    /// <summary>As it was written.</summary>
    public string Text { get; }

    /// <summary>Path of the Unix socket; null for TCP.</summary>
    public string? Path { get; }

    /// <summary>Host of a TCP address, which its certificate must name; null for a Unix socket.</summary>
    public string? Host => _host;

    /// <summary>Reads an address.</summary>
    /// <exception cref="FormatException">It is none; the message says what is wrong with it.</exception>
    public static MigrationAddress Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.StartsWith(UnixScheme, StringComparison.Ordinal))
        {
            string path = text[UnixScheme.Length..];
            if (path.Length == 0) throw new FormatException("the path is missing; write unix:PATH");
            if (System.Text.Encoding.UTF8.GetByteCount(path) > LongestPath)
                throw new FormatException($"the path has more than {LongestPath} bytes, which is all that a Unix socket takes");
            return new MigrationAddress(text, path, null, 0);
        }

        if (!text.StartsWith(TcpScheme, StringComparison.Ordinal)) throw new FormatException("write tcp:HOST:PORT or unix:PATH");
        string rest = text[TcpScheme.Length..];
        int colon = rest.LastIndexOf(':');
        string host = colon < 0 ? "" : rest[..colon].Trim('[', ']');
        if (host.Length == 0) throw new FormatException("the host is missing; write tcp:HOST:PORT, as in tcp:127.0.0.1:4444");
        if (!int.TryParse(rest[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out int port) || port > IPEndPoint.MaxPort)
            throw new FormatException($"\"{rest[(colon + 1)..]}\" is no port; write a number from 0 to {IPEndPoint.MaxPort}");
        return new MigrationAddress(text, null, host, port);
    }

    /// <summary>True if it cannot be reached from outside this machine.</summary>
    /// <exception cref="MigrationException">The host has no address.</exception>
    public bool IsLocal => Path is not null || Resolve().All(IPAddress.IsLoopback);

    /// <summary>Where to connect to, or to listen.</summary>
    /// <exception cref="MigrationException">The host has no address.</exception>
    internal EndPoint EndPoint => Path is { } path ? new UnixDomainSocketEndPoint(path) : new IPEndPoint(Resolve()[0], _port);

    /// <summary>A socket for it, with TCP_NODELAY.</summary>
    internal Socket NewSocket(EndPoint end) => Path is null
        ? new Socket(end.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }
        : new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    /// <inheritdoc />
    public override string ToString() => Text;

    private IPAddress[] Resolve()
    {
        try
        {
            IPAddress[] addresses = Dns.GetHostAddresses(_host!);
            if (addresses.Length > 0) return addresses;
        }
        catch (SocketException e)
        {
            throw new MigrationException($"{Text}: the host \"{_host}\" is not known ({e.Message}).", e);
        }

        throw new MigrationException($"{Text}: the host \"{_host}\" has no address.");
    }
}
