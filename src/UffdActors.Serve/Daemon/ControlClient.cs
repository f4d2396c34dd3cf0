using System.Net.Sockets;
using System.Text.Json;
using UffdActors.Model.Inputs;
using UffdActors.Serve.Daemon;
using UffdActors.Serve.Dialects;

namespace UffdActors.Serve;

/// <summary>Speaks to a daemon over its control socket. For one call at a time; disposing of it gives up one that is under way.</summary>
public sealed class ControlClient : IDisposable
{
    private const int MostBytes = 64 << 20;
    private readonly Socket _socket;
    private readonly LineReader _lines;

    private ControlClient(Socket socket)
    {
        _socket = socket;
        _lines = new LineReader(socket, MostBytes);
    }

    /// <summary>Connects.</summary>
    /// <param name="path">Path of the control socket.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <exception cref="ServeException">There is no daemon.</exception>
    public static async Task<ControlClient> ConnectAsync(string path, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
            return new ControlClient(socket);
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            socket.Dispose();
            throw new ServeException($"Control socket \"{path}\": no daemon listens there ({e.Message.TrimEnd('.')}).", e);
        }
    }

    /// <summary>What the daemon says of itself.</summary>
    /// <exception cref="ServeException">It does not answer, and so with every call; or it refuses, and the message says why.</exception>
    public Task<ControlAnswer> StatusAsync(CancellationToken cancellationToken = default) =>
        AskAsync(new() { Do = "status" }, cancellationToken);

    /// <summary>Its sessions and their guests.</summary>
    public Task<ControlAnswer> ListAsync(string? session = null, bool withFigures = false, CancellationToken cancellationToken = default) =>
        AskAsync(new() { Do = withFigures ? "stats" : "list", Session = session }, cancellationToken);

    /// <summary>Begins a session.</summary>
    public Task<ControlAnswer> CreateAsync(SessionSpec spec, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return AskAsync(
            new()
            {
                Do = "create",
                Session = spec.Session,
                Socket = spec.Socket,
                Memory = spec.Memory,
                Diffs = spec.Diffs,
                OnFailure = spec.OnFailure,
                SocketMode = spec.SocketMode,
                MaxGuests = spec.MaxGuests,
                MaxFaults = spec.MaxFaults,
                WorkingSet = spec.WorkingSet,
                RecordWorkingSet = spec.RecordWorkingSet,
                RecordForMs = spec.RecordForMs,
                BytesPerSecond = spec.BytesPerSecond,
                Overlay = spec.Overlay,
            },
            cancellationToken);
    }

    /// <summary>Fills all pages of a session's guests, or of one, and lets them go; returns when that is done.</summary>
    public Task<ControlAnswer> DrainAsync(string session, int? guest = null, CancellationToken cancellationToken = default) =>
        AskAsync(new() { Do = "drain", Session = session, Guest = guest }, cancellationToken);

    /// <summary>Ends a session for good.</summary>
    public Task<ControlAnswer> CloseAsync(string session, bool kill = false, CancellationToken cancellationToken = default) =>
        AskAsync(new() { Do = "close", Session = session, Kill = kill }, cancellationToken);

    /// <inheritdoc />
    public void Dispose() => _socket.Dispose();

    private async Task<ControlAnswer> AskAsync(ControlRequest request, CancellationToken cancel)
    {
        try
        {
            byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(request, ControlFormat.Json), (byte)'\n'];
            for (int sent = 0; sent < line.Length;) sent += await _socket.SendAsync(line.AsMemory(sent), SocketFlags.None, cancel);
            if (await _lines.ReadAsync(cancel) is not { } answered)
                throw new ServeException("The daemon has closed the connection without an answer.");
            ControlAnswer answer = JsonSerializer.Deserialize<ControlAnswer>(answered.Span, ControlFormat.Json)
                ?? throw new ServeException("The daemon's answer is empty.");
            return answer.Ok ? answer : throw new ServeException(answer.Error ?? "The daemon has refused, and does not say why.");
        }
        catch (Exception e) when (e is SocketException or JsonException)
        {
            throw new ServeException($"The daemon does not answer as this protocol has it ({What(e)}).", e);
        }
    }

    private static string What(Exception e) =>
        LayoutReader.Shown(e is JsonException json ? InputFile.ProblemOf(json, withLine: false) : e.Message.TrimEnd('.'));
}
