using System.Buffers;
using System.Text.Json;
using UffdActors.Pictures.Charts;
using UffdActors.Pictures.History;

namespace UffdActors.Pictures.Timeline;

/// <summary>
/// A run as trace events (the JSON form that Perfetto and chrome://tracing open). Each fault is a slice of its vCPU and one in each station
/// that it passed, joined by a flow that ends where it is woken. Stations that are busy with several faults at a time have several tracks,
/// for slices of one track never overlap.
/// </summary>
internal sealed class TraceEvents
{
    private const int GuestProcess = 1;
    private const int RuntimeProcess = 2;
    private const int PushThread = 1;
    private const int FirstLane = 10;
    private const int LanesOfStation = 1000;

    private readonly Utf8JsonWriter _json;
    private readonly RunHistory _run;
    private readonly TraceStation[] _stations;

    private TraceEvents(Utf8JsonWriter json, RunHistory run, bool isRemote)
    {
        _json = json;
        _run = run;
        string source = isRemote ? "wire" : "source";
        _stations =
        [
            new("context", "read", f => f.Raised, f => f.Read),
            new("handler", "decide", f => f.Read, f => f.Requested),
            new(source, "fetch", f => f.Requested, f => f.Data),
            new("handler", "fill", f => f.Data, f => f.Installed),
            new("context", "wake", f => f.Installed, f => f.Woken),
        ];
    }

    /// <summary>The document, as UTF-8.</summary>
    /// <param name="run">What happened.</param>
    /// <param name="title">Name of the run.</param>
    /// <param name="isRemote">True if pages come over a wire.</param>
    public static byte[] Of(RunHistory run, string title, bool isRemote)
    {
        ArrayBufferWriter<byte> bytes = new();
        using (Utf8JsonWriter json = new(bytes)) new TraceEvents(json, run, isRemote).Write(title);
        return [.. bytes.WrittenSpan];
    }

    private void Write(string title)
    {
        _json.WriteStartObject();
        _json.WriteString("displayTimeUnit", "ns");
        _json.WriteStartObject("otherData");
        _json.WriteString("title", title);
        _json.WriteString("clock", _run.IsVirtualTime ? "virtual" : "monotonic");
        _json.WriteString("faults", $"{_run.Spans.Count} of {_run.Faults.Faults}, one in {_run.SpanStride}");
        _json.WriteEndObject();
        _json.WriteStartArray("traceEvents");
        Name("process_name", GuestProcess, 0, "guest");
        Name("process_name", RuntimeProcess, 0, "runtime");
        Vcpus();
        Stations();
        Flows();
        Push();
        Levels();
        foreach (RunIncident incident in _run.Incidents) Incident(incident);
        _json.WriteEndArray();
        _json.WriteEndObject();
    }

    private void Vcpus()
    {
        foreach (int vcpu in _run.Spans.Select(s => s.Vcpu).Distinct().Order())
            Name("thread_name", GuestProcess, ThreadOf(vcpu), $"vCPU {vcpu}");
        foreach (FaultSpan fault in _run.Spans)
        {
            Begin("X", $"fault, page {fault.Page}", GuestProcess, ThreadOf(fault.Vcpu), fault.Raised);
            _json.WriteNumber("dur", Micros(fault.Nanoseconds));
            _json.WriteStartObject("args");
            _json.WriteString("address", $"0x{fault.Address:x}");
            _json.WriteNumber("page", fault.Page);
            _json.WriteString("flags", fault.Flags.ToString());
            _json.WriteEndObject();
            _json.WriteEndObject();
        }
    }

    private void Stations()
    {
        int first = FirstLane;
        foreach (IGrouping<string, TraceStation> track in _stations.GroupBy(s => s.Track))
        {
            // Behind one another in one track, whatever they are.
            List<(int Fault, TraceStation Station)> slices =
            [
                .. _run.Spans.SelectMany((fault, i) => track.Where(s => s.IsPassed(fault)).Select(s => (i, s)))
                    .OrderBy(slice => slice.s.From(_run.Spans[slice.i])),
            ];
            List<long> ends = [];
            foreach ((int fault, TraceStation station) in slices)
            {
                long from = station.From(_run.Spans[fault]);
                long to = station.To(_run.Spans[fault]);
                int lane = ends.FindIndex(end => end <= from);
                if (lane < 0)
                {
                    lane = ends.Count;
                    ends.Add(0);
                    Name("thread_name", RuntimeProcess, first + lane, lane == 0 ? track.Key : $"{track.Key} {lane + 1}");
                }

                ends[lane] = to;
                station.Lanes[fault] = first + lane;
                Begin("X", station.Name, RuntimeProcess, first + lane, from);
                _json.WriteNumber("dur", Micros(to - from));
                _json.WriteStartObject("args");
                _json.WriteNumber("page", _run.Spans[fault].Page);
                _json.WriteNumber("vcpu", _run.Spans[fault].Vcpu);
                _json.WriteEndObject();
                _json.WriteEndObject();
            }

            first += LanesOfStation;
        }
    }

    // A flow begins in the vCPU's slice, goes through each station that the fault has passed, and ends in the last: the wake.
    private void Flows()
    {
        for (int i = 0; i < _run.Spans.Count; i++)
        {
            FaultSpan fault = _run.Spans[i];
            TraceStation[] passed = [.. _stations.Where(s => s.Lanes.ContainsKey(i))];
            if (passed.Length == 0) continue;
            Flow("s", i, GuestProcess, ThreadOf(fault.Vcpu), fault.Raised);
            for (int at = 0; at < passed.Length; at++)
                Flow(at == passed.Length - 1 ? "f" : "t", i, RuntimeProcess, passed[at].Lanes[i], passed[at].From(fault));
        }
    }

    private void Push()
    {
        RunSeries[] pushes = [.. new[] { FigureNames.Push, FigureNames.PushZero }.Select(_run.Find).OfType<RunSeries>()];
        if (pushes.Length == 0) return;
        Name("thread_name", RuntimeProcess, PushThread, "push");
        long before = 0;
        long from = 0;
        for (int i = 0; i < _run.Moments.Count; i++)
        {
            long pages = pushes.Sum(p => p.Values[i]);
            if (pages > before && _run.Moments[i] > from)
            {
                Begin("X", $"push, {Words.Count(pages - before)} pages", RuntimeProcess, PushThread, from);
                _json.WriteNumber("dur", Micros(_run.Moments[i] - from));
                _json.WriteStartObject("args");
                _json.WriteNumber("pages", pages - before);
                _json.WriteEndObject();
                _json.WriteEndObject();
            }

            before = pages;
            from = _run.Moments[i];
        }
    }

    private void Levels()
    {
        foreach (RunSeries series in _run.Series)
        {
            for (int i = 0; i < _run.Moments.Count; i++)
            {
                Begin("C", series.Name, RuntimeProcess, 0, _run.Moments[i]);
                _json.WriteStartObject("args");
                _json.WriteNumber(series.Unit, series.Values[i]);
                _json.WriteEndObject();
                _json.WriteEndObject();
            }
        }
    }

    private void Incident(RunIncident incident)
    {
        Begin("i", incident.Kind, RuntimeProcess, PushThread, incident.Nanoseconds);
        _json.WriteString("s", "g");
        _json.WriteStartObject("args");
        _json.WriteString("message", incident.Message);
        _json.WriteEndObject();
        _json.WriteEndObject();
    }

    private void Flow(string phase, int id, int process, int thread, long time)
    {
        Begin(phase, "fault to wake", process, thread, time);
        _json.WriteNumber("id", id);
        // To the slice that holds this moment, and not to the next one.
        if (phase == "f") _json.WriteString("bp", "e");
        _json.WriteEndObject();
    }

    private void Name(string what, int process, int thread, string name)
    {
        Begin("M", what, process, thread, 0);
        _json.WriteStartObject("args");
        _json.WriteString("name", name);
        _json.WriteEndObject();
        _json.WriteEndObject();
    }

    private void Begin(string phase, string name, int process, int thread, long time)
    {
        _json.WriteStartObject();
        _json.WriteString("ph", phase);
        _json.WriteString("name", name);
        _json.WriteString("cat", "uffd");
        _json.WriteNumber("pid", process);
        _json.WriteNumber("tid", thread);
        _json.WriteNumber("ts", Micros(time));
    }

    private static int ThreadOf(int vcpu) => vcpu + 1;

    // Microseconds with their nanoseconds, which a double would not keep in a long run.
    private static decimal Micros(long nanoseconds) => nanoseconds / 1000m;
}
