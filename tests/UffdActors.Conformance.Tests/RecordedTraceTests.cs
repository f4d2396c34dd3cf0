using System.Text.RegularExpressions;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;
using UffdActors.Model;
using UffdActors.Model.Turns;
using UffdActors.Testing;

namespace UffdActors.Conformance.Tests;

/// <summary>The sequential kernel against what a real Linux 6.18 was seen to do, every field of every step.</summary>
public class RecordedTraceTests
{
    [Fact]
    public void A_trace_with_one_altered_field_is_caught_whatever_the_field()
    {
        // One alteration for each kind of field that the recordings show; the first trace that has it serves.
        Dictionary<string, Func<Observation, bool>> alterations = new()
        {
            ["ret"] = o => Alter(o.Return, v => o.Return = v + 1),
            ["err"] = o => Alter(o.Error, v => o.Error = v == "EINVAL" ? "EFAULT" : "EINVAL"),
            ["err absent"] = o => Alter(o.Error, _ => o.Error = null),
            ["out"] = o => Alter(o.Out, v => o.Out = v + "1"),
            ["out untouched"] = o => o.Out == "untouched" && Set(() => o.Out = "0"),
            ["as"] = o => Alter(o.As, v => o.As = v + 1),
            ["revents"] = o => Alter(o.Revents, v => o.Revents = v ^ 1),
            ["res"] = o => Alter(o.Result, v => o.Result = v + "0"),
            ["wait"] = o => Alter(o.Wait, v => o.Wait = v == "fault" ? "event" : "fault"),
            ["msgs"] = o => o.Messages is { Count: > 0 } m && Set(() => o.Messages = [.. m.Skip(1)]),
            ["msgs order"] = o => o.Messages is { Count: > 1 } m && m[0] != m[1] && Set(() => o.Messages = [m[1], m[0], .. m.Skip(2)]),
            ["q handle"] = o => Queue(o, q => (q.Handle + 1, q.Pending, q.Total)),
            ["q pending"] = o => Queue(o, q => (q.Handle, q.Pending + 1, q.Total)),
            ["q total"] = o => Queue(o, q => (q.Handle, q.Pending, q.Total + 1)),
            ["v boundary"] = o => o.Vmas is { Length: > 12 } v && Set(() => o.Vmas = "2" + v[1..]),
            ["v permission"] = o => Replace(o, " rw-", " r--"),
            ["v sharing"] = o => Replace(o, "-p ", "-s "),
            ["v modes"] = o => Replace(o, " MW ", " M "),
            ["v backing"] = o => Replace(o, " f0+", " f1+"),
            ["v offset"] = o => Replace(o, " f0+0 ", " f0+1000 "),
            ["v state"] = o => o.Vmas is { Length: > 12 } v && Set(() => o.Vmas = v[..^1] + (v[^1] == '8' ? '9' : '8')),
            ["v absent"] = o => o.Vmas is not null && Set(() => o.Vmas = null),
            ["cv"] = o => o.ChildVmas is { Count: > 0 } && Set(() => o.ChildVmas = null),
            ["cv thread"] = o => o.ChildVmas is { Count: > 0 } c && Set(() => o.ChildVmas = [(c[0].Thread + 1, c[0].Vmas)]),
            ["cv list"] = o => o.ChildVmas is { Count: > 0 } c && Set(() => o.ChildVmas = [(c[0].Thread, c[0].Vmas + "0")]),
            ["files number"] = o => Files(o, f => f with { Number = f.Number + 1 }),
            ["files size"] = o => Files(o, f => f with { Bytes = f.Bytes + 1 }),
            ["files blocks"] = o => Files(o, f => f with { Blocks = f.Blocks + 1 }),
            ["files bitmap"] = o => Files(o, f => f with { Data = f.Data + "1" }),
            ["files absent"] = o => o.Files is not null && Set(() => o.Files = null),
            ["final page"] =
                o => o.FinalPages is { Count: > 0 } p && Set(() => o.FinalPages = [(p[0].Address, "1*9," + p[0].Content), .. p.Skip(1)]),
            ["final page address"] =
                o => o.FinalPages is { Count: > 0 } p && Set(() => o.FinalPages = [(p[0].Address + 1, p[0].Content), .. p.Skip(1)]),
            ["final page list"] = o => o.FinalPages is { Count: > 0 } p && Set(() => o.FinalPages = [.. p.Skip(1)]),
            ["final file number"] = o => FinalFile(o, f => f with { Number = f.Number + 1 }),
            ["final file size"] = o => FinalFile(o, f => f with { Bytes = f.Bytes + 1 }),
            ["final file page"] = o =>
                o.FinalFiles is [{ Pages.Count: > 0 }, ..]
                    && FinalFile(o, f => f with { Pages = [f.Pages![0] is null ? "4096*1" : null, .. f.Pages.Skip(1)] }),
            ["fin"] = o => o.Finished is { Count: > 0 } && Set(() => o.Finished = null),
            ["fin thread"] =
                o => o.Finished is { Count: > 0 } f && Set(() => o.Finished = [f[0] with { Thread = f[0].Thread + 1 }, .. f.Skip(1)]),
            ["fin ret"] = o => Fin(o, r => Alter(r.Return, v => r.Return = v + 1)),
            ["fin err"] = o => Fin(o, r => Alter(r.Error, v => r.Error = v == "EINVAL" ? "EFAULT" : "EINVAL")),
            ["fin out"] = o => Fin(o, r => Alter(r.Out, v => r.Out = v + "1")),
            ["fin res"] = o => Fin(o, r => Alter(r.Result, v => r.Result = v + "0")),
            ["fin msgs"] = o => Fin(o, r => r.Messages is { Count: > 0 } m && Set(() => r.Messages = [.. m.Skip(1)])),
        };
        foreach ((string part, string pattern, string by) in MessageParts)
        {
            alterations["msgs " + part] = o => o.Messages is { Count: > 0 } m && Regex.IsMatch(m[0], pattern)
                && Set(() => o.Messages = [new Regex(pattern).Replace(m[0], by, 1), .. m.Skip(1)]);
        }

        foreach ((string field, Func<Observation, bool> alter) in alterations)
        {
            bool found = false;
            foreach (string file in RecordedTraces.Files)
            {
                Trace trace = TraceReader.Read(file);
                if (!trace.Steps.Any(s => alter(s.Expected))) continue;
                found = true;
                Assert.True(Replay(trace).Count > 0, $"An altered {field} in {trace.Name} was not noticed.");
                break;
            }

            Assert.True(found, $"No recording has a field {field}.");
        }
    }

    private static readonly (string Part, string Pattern, string By)[] MessageParts =
    [
        ("event", "remove", "unmap"), ("flags", "\"flags\":1", "\"flags\":0"), ("address", "\"addr\":\"0x1", "\"addr\":\"0x2"),
        ("thread", "\"tid\":[0-9]", "\"tid\":-1"), ("new handle", "\"as\":[0-9]", "\"as\":9"), ("from", "\"from\":\"0x1", "\"from\":\"0x2"),
        ("to", "\"to\":\"0x1", "\"to\":\"0x2"), ("length", "\"len\":\"0x", "\"len\":\"0xf"),
        ("start", "\"start\":\"0x1", "\"start\":\"0x2"),
        ("end", "\"end\":\"0x1", "\"end\":\"0x2"),
    ];

    private static IReadOnlyList<Mismatch> Replay(Trace trace)
    {
        using ModelExecutor model = new(trace.Header, KernelProfile.Linux618, _ => new SequentialKernel());
        return TraceReplay.Run(trace, model, new Differ(trace.Name), new KernelInvariants());
    }

    private static bool Queue(Observation o, Func<(int Handle, int Pending, int Total), (int, int, int)> change) =>
        o.Queues.Count > 0 && Set(() => o.Queues = [change(o.Queues[0]), .. o.Queues.Skip(1)]);

    private static bool Replace(Observation o, string text, string by) =>
        o.Vmas?.Contains(text, StringComparison.Ordinal) == true && Set(() => o.Vmas = o.Vmas.Replace(text, by, StringComparison.Ordinal));

    private static bool Files(Observation o, Func<FileState, FileState> change) =>
        o.Files is { Count: > 0 } f && Set(() => o.Files = [change(f[0]), .. f.Skip(1)]);

    private static bool FinalFile(Observation o, Func<FileContent, FileContent> change) =>
        o.FinalFiles is { Count: > 0 } f && Set(() => o.FinalFiles = [change(f[0]), .. f.Skip(1)]);

    private static bool Fin(Observation o, Func<Observation, bool> alter) => o.Finished is { Count: > 0 } f && f.Any(t => alter(t.Result));

    private static bool Alter<T>(T? value, Action<T> set)
        where T : struct => value is { } v && Set(() => set(v));

    private static bool Alter(string? value, Action<string> set) => value is not null && Set(() => set(value));

    private static bool Set(Action set)
    {
        set();
        return true;
    }
}
