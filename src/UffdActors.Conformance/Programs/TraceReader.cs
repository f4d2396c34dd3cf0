using System.Globalization;
using System.Text.Json;

namespace UffdActors.Conformance.Programs;

/// <summary>Reads traces: one JSON object a line.</summary>
internal static class TraceReader
{
    /// <summary>Reads a file.</summary>
    /// <exception cref="TraceFormatException">A line violates the format.</exception>
    /// <exception cref="ConformanceDataException">The file cannot be read.</exception>
    public static Trace Read(string path)
    {
        string name = Path.GetFileName(path);
        TraceHeader? header = null;
        List<TraceStep> steps = [];
        int number = 0;
        foreach (string line in RecordedText.Lines(path))
        {
            number++;
            if (line.Length == 0) continue;
            try
            {
                using JsonDocument document = JsonDocument.Parse(line);
                JsonElement element = document.RootElement;
                if (element.ValueKind != JsonValueKind.Object) throw new FieldException("a line must hold one JSON object");
                if (header is null) header = ReadHeader(element);
                else steps.Add(ReadStep(element));
            }
            catch (Exception e)
                when (e is JsonException or FormatException or KeyNotFoundException or InvalidOperationException or OverflowException)
            {
                throw new TraceFormatException(name, number, Problem(e), e);
            }
        }

        if (header is null) throw new TraceFormatException(name, 1, "the file is empty; line 1 must be the header");
        if (steps.Count == 0 || steps[^1].Step.Op != ProgramOp.Final)
            throw new TraceFormatException(name, number, "the trace is cut off: its last line must be the operation \"final\"");
        return new Trace(name, header, steps);
    }

    /// <summary>Reads line 1 of a trace alone.</summary>
    /// <exception cref="TraceFormatException">The line is no header.</exception>
    public static TraceHeader ReadHeader(string line) => ReadLine(line, ReadHeader);

    /// <summary>Reads the line of a step with what it showed.</summary>
    /// <exception cref="TraceFormatException">The line is no step.</exception>
    public static TraceStep ReadStep(string line) => ReadLine(line, ReadStep);

    /// <summary>Reads the operation of a line; what it showed may be missing.</summary>
    /// <exception cref="TraceFormatException">The line is no operation.</exception>
    public static ProgramStep ReadOperation(string line) => ReadLine(line, ReadOperation);

    private static T ReadLine<T>(string line, Func<JsonElement, T> read)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            return read(document.RootElement);
        }
        catch (Exception e)
            when (e is JsonException or FormatException or KeyNotFoundException or InvalidOperationException or OverflowException)
        {
            throw new TraceFormatException("line", 1, Problem(e), e);
        }
    }

    // What .NET says of a value speaks of its own types.
    private static string Problem(Exception e) => e switch
    {
        JsonException => "it is no JSON",
        FieldException => e.Message,
        _ => "a field has a value of the wrong kind, or out of range",
    };

    private static TraceHeader ReadHeader(JsonElement e)
    {
        int version = Get(e, "trace").GetInt32();
        if (version != TraceHeader.Version)
            throw new FieldException($"trace version {version} is not supported; this program reads version {TraceHeader.Version}");
        JsonElement arena = Get(e, "arena");
        return new TraceHeader(
            Get(e, "class").GetString()!,
            Get(e, "seed").GetInt64(),
            Get(e, "kernel").GetString()!,
            Get(e, "fault_around").GetInt64(),
            Hex(arena[0]),
            Hex(arena[1]),
            Hex(Get(e, "src")),
            Hex(Get(e, "hsrc")));
    }

    private static TraceStep ReadStep(JsonElement e)
    {
        ProgramStep step = ReadOperation(e);
        return new TraceStep(step, step.Op == ProgramOp.Final ? ReadFinal(e) : ReadObservation(e));
    }

    private static ProgramStep ReadOperation(JsonElement e)
    {
        string name = Get(e, "op").GetString()!;
        ProgramOp op = StepSchema.Find(name) ?? throw new FieldException($"unknown operation \"{name}\"");
        ProgramStep step = new(op)
        {
            Index = Get(e, "i").GetInt32(),
            Thread = e.TryGetProperty("t", out JsonElement t) ? t.GetInt32() : null,
            Handle = StepSchema.HasHandle(op) ? Get(e, "u").GetInt32() : 0,
        };
        foreach (Argument argument in StepSchema.ArgumentsOf(op))
        {
            if (!e.TryGetProperty(argument.Name, out JsonElement value))
            {
                if (!argument.IsMeant(step)) continue;
                throw new FieldException($"operation \"{name}\" needs the field \"{argument.Name}\"");
            }

            step = argument.Form switch
            {
                ArgumentForm.Hex => argument.With(step, Hex(value)),
                ArgumentForm.Integer => argument.With(step, (ulong)value.GetInt64()),
                _ => argument.With(step, value.GetString()!),
            };
        }

        return step;
    }

    private static Observation ReadObservation(JsonElement e)
    {
        Observation o = ReadResult(e);
        if (e.TryGetProperty("fin", out JsonElement fin))
            o.Finished = [.. fin.EnumerateArray().Select(f => new FinishedThread(Get(f, "t").GetInt32(), ReadResult(f)))];
        o.Queues = [.. Get(e, "q").EnumerateArray().Select(q => (q[0].GetInt32(), q[1].GetInt32(), q[2].GetInt32()))];
        if (e.TryGetProperty("v", out JsonElement v)) o.Vmas = Lines(v);
        if (e.TryGetProperty("cv", out JsonElement cv)) o.ChildVmas = [.. cv.EnumerateArray().Select(c => (c[0].GetInt32(), Lines(c[1])))];
        if (e.TryGetProperty("files", out JsonElement files))
            o.Files = [
                .. files.EnumerateArray().Select(f => new FileState(f[0].GetInt32(), f[1].GetInt64(), f[2].GetInt64(), f[3].GetString()!))];
        return o;
    }

    private static Observation ReadResult(JsonElement e)
    {
        Observation o = new();
        if (e.TryGetProperty("ret", out JsonElement ret)) o.Return = ret.GetInt64();
        if (e.TryGetProperty("err", out JsonElement err)) o.Error = err.GetString();
        if (e.TryGetProperty("out", out JsonElement result)) o.Out = ReadOut(result);
        if (e.TryGetProperty("as", out JsonElement handle)) o.As = handle.GetInt32();
        if (e.TryGetProperty("revents", out JsonElement revents)) o.Revents = revents.GetInt32();
        if (e.TryGetProperty("res", out JsonElement res)) o.Result = res.GetString();
        if (e.TryGetProperty("wait", out JsonElement wait)) o.Wait = wait.GetString();
        if (e.TryGetProperty("msgs", out JsonElement msgs)) o.Messages = [.. msgs.EnumerateArray().Select(m => m.GetRawText())];
        return o;
    }

    private static Observation ReadFinal(JsonElement e) => new()
    {
        FinalFiles =
        [
            .. Get(e, "files").EnumerateArray().Select(f => new FileContent(
                Get(f, "f").GetInt32(),
                Get(f, "size").GetInt64(),
                f.TryGetProperty("pages", out JsonElement pages) ? [.. pages.EnumerateArray().Select(p => p.GetString())] : null)),
        ],
        FinalPages = [.. Get(e, "pages").EnumerateArray().Select(p => (Hex(p[0]), p[1].GetString()!))],
    };

    private static string ReadOut(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => string.Join(' ', value.EnumerateArray().Select(w => w.GetString())),
        JsonValueKind.Number => value.GetInt64().ToString(CultureInfo.InvariantCulture),
        _ => value.GetString()!,
    };

    private static string Lines(JsonElement array) => string.Join('\n', array.EnumerateArray().Select(l => l.GetString()));

    private static JsonElement Get(JsonElement e, string name) =>
        e.TryGetProperty(name, out JsonElement value) ? value : throw new FieldException($"the field \"{name}\" is missing");

    private static ulong Hex(JsonElement value)
    {
        string text = value.GetString()!;
        if (!text.StartsWith("0x", StringComparison.Ordinal)
            || !ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong word))
            throw new FieldException($"\"{text}\" is not a hex word such as \"0x1000\"");
        return word;
    }
}
