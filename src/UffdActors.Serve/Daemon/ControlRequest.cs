using System.Text.Json;
using UffdActors.Model.Inputs;
using UffdActors.Serve.Dialects;

namespace UffdActors.Serve.Daemon;

/// <summary>What is asked of a daemon; which fields count depends on what is to be done.</summary>
internal sealed record ControlRequest
{
    /// <summary>Version of the protocol.</summary>
    public int Version { get; init; } = ControlFormat.Version;

    /// <summary>What to do: status, list, stats, create, drain, close.</summary>
    public required string Do { get; init; }

    /// <summary>Name of the session.</summary>
    public string? Session { get; init; }

    /// <summary>Number of a guest of the session; null for all of them.</summary>
    public int? Guest { get; init; }

    /// <summary>Of a session that is created: path of the socket.</summary>
    public string? Socket { get; init; }

    /// <summary>Of a session that is created: path of the memory file.</summary>
    public string? Memory { get; init; }

    /// <summary>Of a session that is created: paths of diffs over the memory file.</summary>
    public IReadOnlyList<string>? Diffs { get; init; }

    /// <summary>Of a session that is created: the policy.</summary>
    public FailurePolicy? OnFailure { get; init; }

    /// <summary>Of a session that is created: permissions of the socket, octal.</summary>
    public string? SocketMode { get; init; }

    /// <summary>Of a session that is created: guests at a time.</summary>
    public int? MaxGuests { get; init; }

    /// <summary>Of a session that is created: faults of a guest that are worked on at a time.</summary>
    public int? MaxFaults { get; init; }

    /// <summary>Of a session that is created: path of the pages that are fetched ahead.</summary>
    public string? WorkingSet { get; init; }

    /// <summary>Of a session that is created: path to which pages are recorded.</summary>
    public string? RecordWorkingSet { get; init; }

    /// <summary>Of a session that is created: milliseconds for which is recorded.</summary>
    public long? RecordForMs { get; init; }

    /// <summary>Of a session that is created: bytes a second that are fetched ahead.</summary>
    public long? BytesPerSecond { get; init; }

    /// <summary>Of a session that is created: pages that lie over the files.</summary>
    public IReadOnlyList<OverlayFile>? Overlay { get; init; }

    /// <summary>Of a session that is closed: its VMMs are killed.</summary>
    public bool? Kill { get; init; }

    /// <summary>Reads a line.</summary>
    /// <exception cref="ServeException">It is none.</exception>
    public static ControlRequest Parse(ReadOnlySpan<byte> line)
    {
        ControlRequest? request;
        try
        {
            request = JsonSerializer.Deserialize<ControlRequest>(line, ControlFormat.Json);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or NotSupportedException)
        {
            // The line is the request, whichever it is.
            string what =
                LayoutReader.Shown(e is JsonException json ? InputFile.ProblemOf(json, withLine: false) : e.Message).TrimEnd('.', ' ');
            throw new ServeException($"The request is no JSON object of this protocol: {what}.", e);
        }

        if (request?.Do is null) throw new ServeException("The request does not say what to do.");
        if (request.Version != ControlFormat.Version)
            throw new ServeException(
                $"The request is of version {request.Version} of the protocol; this daemon understands {ControlFormat.Version}.");
        return request;
    }

    /// <summary>The session that is to be created.</summary>
    /// <exception cref="ServeException">A field is missing.</exception>
    public SessionSpec Spec()
    {
        SessionSpec spec = new()
        {
            Session = Needed(Session, "session"),
            Socket = Needed(Socket, "socket"),
            Memory = Needed(Memory, "memory"),
            Diffs = Diffs ?? [],
            OnFailure = OnFailure ?? FailurePolicy.Freeze,
        };
        spec = spec with
        {
            SocketMode = SocketMode ?? spec.SocketMode,
            MaxGuests = MaxGuests ?? spec.MaxGuests,
            MaxFaults = MaxFaults ?? spec.MaxFaults,
            WorkingSet = WorkingSet,
            RecordWorkingSet = RecordWorkingSet,
            RecordForMs = RecordForMs ?? spec.RecordForMs,
            BytesPerSecond = BytesPerSecond ?? spec.BytesPerSecond,
            Overlay = Overlay ?? [],
        };
        spec.ThrowIfWrong();
        return spec;
    }

    /// <summary>A field that has to be there.</summary>
    /// <exception cref="ServeException">It is not.</exception>
    public static string Needed(string? value, string name) => value ?? throw new ServeException($"The request has no {name}.");
}
