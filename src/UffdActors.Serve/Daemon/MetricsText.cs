using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace UffdActors.Serve.Daemon;

/// <summary>
/// The counters of the meter "UffdActors", and the daemon's own, in the text format of Prometheus (version 0.0.4). Read when they are
/// asked for; distributions are not collected, for guests of other processes have none.
/// </summary>
internal static class MetricsText
{
    private const string Meter = "UffdActors";

    /// <summary>The type of the text.</summary>
    public const string Type = "text/plain; version=0.0.4";

    /// <summary>The text of now.</summary>
    public static string Of(DaemonStatus status, IReadOnlyList<SessionStatus> sessions, ContentCacheFigures? cache)
    {
        StringBuilder text = new();
        Own(text, "uffd_serve_sessions", "gauge", "Sessions.", status.Sessions);
        Own(text, "uffd_serve_guests_ended_total", "counter", "Guests that have ended.", status.Ended);
        Own(text, "uffd_serve_hand_overs_refused_total", "counter", "Hand-overs that were refused.", status.Refused);
        Own(text, "uffd_serve_guests_taken_back", "gauge", "Guests that were taken back at the start.", status.TakenBack);
        if (cache is not null)
        {
            Own(text, "uffd_serve_cache_hits_total", "counter", "Orders that the cache has answered at once.", cache.Hits);
            Own(text, "uffd_serve_cache_misses_total", "counter", "Orders that waited for a chunk.", cache.Misses);
            Own(text, "uffd_serve_cache_fetches_total", "counter", "Chunks that were fetched.", cache.Fetches);
            Own(text, "uffd_serve_cache_fetched_bytes_total", "counter", "Bytes that were fetched.", cache.BytesFetched);
            Own(text, "uffd_serve_cache_evicted_total", "counter", "Chunks that were dropped.", cache.Evicted);
            Own(text, "uffd_serve_cache_held_bytes", "gauge", "Bytes that the cache has.", cache.BytesHeld);
        }

        Head(text, "uffd_serve_guests", "gauge", "Guests, by session and state.");
        foreach (SessionStatus session in sessions)
        {
            foreach (GuestState state in Enum.GetValues<GuestState>())
            {
                Line(
                    text, "uffd_serve_guests", session.Guests.Count(g => g.State == state),
                    [new("session", session.Spec.Session), new("state", state.ToString().ToLowerInvariant())]);
            }
        }

        Head(text, "uffd_serve_guest_faults_in_flight", "gauge", "Faults, by page, that are worked on now, of all guests of a session.");
        foreach (SessionStatus session in sessions)
        {
            Line(
                text, "uffd_serve_guest_faults_in_flight", session.Guests.Sum(g => g.Figures?.FaultsInFlight ?? 0),
                [new("session", session.Spec.Session)]);
        }

        if (status.WorkingSets is { } sets)
        {
            Head(text, "uffd_serve_working_set_pages_total", "counter", "Pages of working sets, of all guests, by what became of them.");
            Line(text, "uffd_serve_working_set_pages_total", sets.Fetched, [new("outcome", "fetched")]);
            Line(text, "uffd_serve_working_set_pages_total", sets.Late, [new("outcome", "late")]);
            Line(text, "uffd_serve_working_set_pages_total", sets.Missed, [new("outcome", "missed")]);
        }

        foreach (IGrouping<string, (Instrument Instrument, double Value, KeyValuePair<string, object?>[] Tags)> metric
            in Collect().GroupBy(m => m.Instrument.Name))
        {
            bool isCounter = metric.First().Instrument.GetType().Name.StartsWith("ObservableCounter", StringComparison.Ordinal);
            string name = metric.Key.Replace('.', '_') + (isCounter ? "_total" : "");
            Head(text, name, isCounter ? "counter" : "gauge", metric.First().Instrument.Description ?? "");
            foreach ((_, double value, KeyValuePair<string, object?>[] tags) in metric) Line(text, name, value, tags);
        }

        return text.ToString();
    }

    private static List<(Instrument Instrument, double Value, KeyValuePair<string, object?>[] Tags)> Collect()
    {
        List<(Instrument, double, KeyValuePair<string, object?>[])> found = [];
        using MeterListener listener = new()
        {
            InstrumentPublished = (instrument, its) =>
            {
                // Those that are counted anyway, and only read here.
                if (instrument.Meter.Name == Meter && instrument.IsObservable) its.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => found.Add((instrument, value, tags.ToArray())));
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => found.Add((instrument, value, tags.ToArray())));
        listener.Start();
        listener.RecordObservableInstruments();
        return found;
    }

    private static void Own(StringBuilder text, string name, string type, string description, double value)
    {
        Head(text, name, type, description);
        Line(text, name, value, []);
    }

    private static void Head(StringBuilder text, string name, string type, string description) =>
        _ = text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {description}\n# TYPE {name} {type}\n");

    private static void Line(StringBuilder text, string name, double value, KeyValuePair<string, object?>[] tags)
    {
        _ = text.Append(name);
        if (tags.Length > 0)
        {
            IEnumerable<string> labels = tags.Select(t => $"{t.Key.Replace('.', '_')}=\"{Escaped($"{t.Value}")}\"");
            _ = text.Append('{').AppendJoin(',', labels).Append('}');
        }

        _ = text.Append(CultureInfo.InvariantCulture, $" {value}\n");
    }

    private static string Escaped(string value) => value
        .Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)
        .Replace("\n", "\\n", StringComparison.Ordinal);
}
