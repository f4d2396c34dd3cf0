using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using UffdActors.Model.Inputs;
using UffdActors.Model.Memory;

namespace UffdActors.Conformance.Programs;

/// <summary>Writes traces as <see cref="TraceReader"/> reads them: a line for the header, one for each step.</summary>
internal static class TraceWriter
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes a file; an existing file is replaced only once everything is written.</summary>
    public static void Write(string path, Trace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        OutputFile.Check(path);
        string partial = path + ".partial";
        File.WriteAllText(partial, ToText(trace));
        File.Move(partial, path, overwrite: true);
    }

    /// <summary>The lines of a trace.</summary>
    public static string ToText(Trace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        StringBuilder text = new();
        Line(text, json => WriteHeader(json, trace.Header));
        foreach (TraceStep step in trace.Steps) Line(text, json => WriteStep(json, step));
        return text.ToString();
    }

    /// <summary>Line 1 of a trace.</summary>
    public static string ToText(TraceHeader header)
    {
        ArgumentNullException.ThrowIfNull(header);
        StringBuilder text = new();
        Line(text, json => WriteHeader(json, header));
        return text.ToString().TrimEnd();
    }

    /// <summary>The line of a step with what it showed.</summary>
    public static string ToText(TraceStep step)
    {
        ArgumentNullException.ThrowIfNull(step);
        StringBuilder text = new();
        Line(text, json => WriteStep(json, step));
        return text.ToString().TrimEnd();
    }

    /// <summary>One step as its line shows it, without what it showed.</summary>
    public static string ToText(ProgramStep step)
    {
        ArgumentNullException.ThrowIfNull(step);
        StringBuilder text = new();
        Line(text, json =>
        {
            json.WriteStartObject();
            WriteOperation(json, step);
            json.WriteEndObject();
        });
        return text.ToString().TrimEnd();
    }

    private static void Line(StringBuilder text, Action<Utf8JsonWriter> write)
    {
        ArrayBufferWriter<byte> bytes = new();
        using (Utf8JsonWriter json = new(bytes, Options)) write(json);
        _ = text.Append(Encoding.UTF8.GetString(bytes.WrittenSpan)).Append('\n');
    }

    private static void WriteHeader(Utf8JsonWriter json, TraceHeader header)
    {
        json.WriteStartObject();
        json.WriteNumber("trace", TraceHeader.Version);
        json.WriteString("class", header.Class);
        json.WriteNumber("seed", header.Seed);
        json.WriteString("kernel", header.Kernel);
        json.WriteNumber("page", PageSize.Base);
        json.WriteNumber("hugepage", PageSize.Huge);
        json.WriteString("uffd_user", "root");
        json.WriteNumber("fault_around", header.FaultAroundBytes);
        json.WriteStartArray("arena");
        json.WriteStringValue(Hex(header.ArenaStart));
        json.WriteStringValue(Hex(header.ArenaEnd));
        json.WriteEndArray();
        json.WriteString("src", Hex(header.Source));
        json.WriteString("hsrc", Hex(header.HugeSource));
        json.WriteEndObject();
    }

    private static void WriteStep(Utf8JsonWriter json, TraceStep step)
    {
        json.WriteStartObject();
        WriteOperation(json, step.Step);
        if (step.Step.Op == ProgramOp.Final) WriteFinal(json, step.Expected);
        else WriteObservation(json, step.Expected);
        json.WriteEndObject();
    }

    private static void WriteOperation(Utf8JsonWriter json, ProgramStep step)
    {
        json.WriteNumber("i", step.Index);
        json.WriteString("op", StepSchema.NameOf(step.Op));
        if (step.Thread is { } thread) json.WriteNumber("t", thread);
        if (StepSchema.HasHandle(step.Op)) json.WriteNumber("u", step.Handle);
        foreach (Argument argument in StepSchema.ArgumentsOf(step.Op))
        {
            if (!argument.IsMeant(step)) continue;
            switch (argument.Form)
            {
                case ArgumentForm.Hex:
                    json.WriteString(argument.Name, Hex(argument.WordOf(step)));
                    break;
                case ArgumentForm.Integer:
                    json.WriteNumber(argument.Name, (long)argument.WordOf(step));
                    break;
                default:
                    json.WriteString(argument.Name, argument.TextOf(step));
                    break;
            }
        }
    }

    private static void WriteObservation(Utf8JsonWriter json, Observation o)
    {
        WriteResult(json, o);
        if (o.Finished is { } finished)
        {
            json.WriteStartArray("fin");
            foreach (FinishedThread thread in finished)
            {
                json.WriteStartObject();
                json.WriteNumber("t", thread.Thread);
                WriteResult(json, thread.Result);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        json.WriteStartArray("q");
        foreach ((int handle, int pending, int total) in o.Queues) WriteNumbers(json, handle, pending, total);
        json.WriteEndArray();
        if (o.Vmas is { } vmas) WriteLines(json, "v", vmas);
        if (o.Files is { } files) WriteFiles(json, files);
        if (o.ChildVmas is { } children)
        {
            json.WriteStartArray("cv");
            foreach ((int thread, string list) in children)
            {
                json.WriteStartArray();
                json.WriteNumberValue(thread);
                WriteLines(json, null, list);
                json.WriteEndArray();
            }

            json.WriteEndArray();
        }
    }

    private static void WriteFiles(Utf8JsonWriter json, IReadOnlyList<FileState> files)
    {
        json.WriteStartArray("files");
        foreach (FileState file in files)
        {
            json.WriteStartArray();
            json.WriteNumberValue(file.Number);
            json.WriteNumberValue(file.Bytes);
            json.WriteNumberValue(file.Blocks);
            json.WriteStringValue(file.Data);
            json.WriteEndArray();
        }

        json.WriteEndArray();
    }

    private static void WriteResult(Utf8JsonWriter json, Observation o)
    {
        if (o.Return is { } ret) json.WriteNumber("ret", ret);
        if (o.Error is { } error) json.WriteString("err", error);
        if (o.Out is { } result) WriteOut(json, result);
        if (o.As is { } handle) json.WriteNumber("as", handle);
        if (o.Revents is { } revents) json.WriteNumber("revents", revents);
        if (o.Result is { } outcome) json.WriteString("res", outcome);
        if (o.Wait is { } wait) json.WriteString("wait", wait);
        if (o.Messages is not { } messages) return;
        json.WriteStartArray("msgs");
        foreach (string message in messages) json.WriteRawValue(message);
        json.WriteEndArray();
    }

    private static void WriteOut(Utf8JsonWriter json, string result)
    {
        if (long.TryParse(result, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number))
        {
            json.WriteNumber("out", number);
        }
        else if (result.Contains(' ', StringComparison.Ordinal))
        {
            json.WriteStartArray("out");
            foreach (string word in result.Split(' ')) json.WriteStringValue(word);
            json.WriteEndArray();
        }
        else
        {
            json.WriteString("out", result);
        }
    }

    private static void WriteFinal(Utf8JsonWriter json, Observation o)
    {
        json.WriteStartArray("files");
        foreach (FileContent file in o.FinalFiles ?? [])
        {
            json.WriteStartObject();
            json.WriteNumber("f", file.Number);
            json.WriteNumber("size", file.Bytes);
            if (file.Pages is { } pages)
            {
                json.WriteStartArray("pages");
                foreach (string? page in pages) json.WriteStringValue(page);
                json.WriteEndArray();
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("pages");
        foreach ((ulong address, string content) in o.FinalPages ?? [])
        {
            json.WriteStartArray();
            json.WriteStringValue(Hex(address));
            json.WriteStringValue(content);
            json.WriteEndArray();
        }

        json.WriteEndArray();
    }

    private static void WriteLines(Utf8JsonWriter json, string? name, string lines)
    {
        if (name is null) json.WriteStartArray();
        else json.WriteStartArray(name);
        foreach (string line in lines.Split('\n', StringSplitOptions.RemoveEmptyEntries)) json.WriteStringValue(line);
        json.WriteEndArray();
    }

    private static void WriteNumbers(Utf8JsonWriter json, params ReadOnlySpan<int> numbers)
    {
        json.WriteStartArray();
        foreach (int number in numbers) json.WriteNumberValue(number);
        json.WriteEndArray();
    }

    private static string Hex(ulong word) => string.Create(CultureInfo.InvariantCulture, $"0x{word:x}");
}
