using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;
using UffdActors.Model;

namespace UffdActors.Conformance.Tests;

/// <summary>The sequential kernel against what a real Linux 6.18 was seen to do, every field of every step.</summary>
public class RecordedTraceTests
{
    [Theory]
    [InlineData("pages")]
    [InlineData("vma")]
    [InlineData("delivery")]
    [InlineData("events")]
    [InlineData("args")]
    public void Every_recorded_step_is_what_the_model_does(string traces)
    {
        IReadOnlyList<Trace> recorded = RecordedTraces.OfClass(traces);
        Assert.Equal(60, recorded.Count);
        foreach (Trace trace in recorded) Assert.Empty(Replay(trace));
    }

    [Fact]
    public void A_trace_with_one_altered_field_is_caught_whatever_the_field()
    {
        // One alteration for each kind of field that the recordings show; the first trace that has it serves.
        Dictionary<string, Func<Observation, bool>> alterations = new()
        {
            ["ret"] = o => Alter(o.Return, v => o.Return = v + 1),
            ["err"] = o => Alter(o.Error, v => o.Error = v == "EINVAL" ? "EFAULT" : "EINVAL"),
            ["out"] = o => Alter(o.Out, v => o.Out = v + "1"),
            ["as"] = o => Alter(o.As, v => o.As = v + 1),
            ["revents"] = o => Alter(o.Revents, v => o.Revents = v ^ 1),
            ["res"] = o => Alter(o.Result, v => o.Result = v + "0"),
            ["wait"] = o => Alter(o.Wait, v => o.Wait = v == "fault" ? "event" : "fault"),
            ["msgs"] = o => o.Messages is { Count: > 0 } && Set(() => o.Messages = [.. o.Messages.Skip(1)]),
            ["fin"] = o => o.Finished is { Count: > 0 } && Set(() => o.Finished = null),
            ["fin result"] = o => o.Finished is { Count: > 0 } f && f[0].Result.Result is not null && Set(() => f[0].Result.Result = "ok:254"),
            ["q"] = o => o.Queues.Count > 0 && Set(() => o.Queues = [.. o.Queues.Select(q => (q.Handle, q.Pending + 1, q.Total))]),
            ["v boundary"] = o => o.Vmas is { Length: > 12 } v && Set(() => o.Vmas = "2" + v[1..]),
            ["v state"] = o => o.Vmas is { Length: > 12 } v && Set(() => o.Vmas = v[..^1] + (v[^1] == '8' ? '9' : '8')),
            ["v modes"] = o => o.Vmas?.Contains(" MW ", StringComparison.Ordinal) == true && Set(() => o.Vmas = o.Vmas.Replace(" MW ", " M ", StringComparison.Ordinal)),
            ["v absent"] = o => o.Vmas is not null && Set(() => o.Vmas = null),
            ["cv"] = o => o.ChildVmas is { Count: > 0 } && Set(() => o.ChildVmas = null),
            ["files size"] = o => o.Files is { Count: > 0 } f && Set(() => o.Files = [f[0] with { Bytes = f[0].Bytes + 1 }, .. f.Skip(1)]),
            ["files blocks"] = o => o.Files is { Count: > 0 } f && Set(() => o.Files = [f[0] with { Blocks = f[0].Blocks + 1 }, .. f.Skip(1)]),
            ["files bitmap"] = o => o.Files is { Count: > 0 } f && f[0].Data.Contains('1') && Set(() => o.Files = [f[0] with { Data = f[0].Data.Replace('1', '0') }, .. f.Skip(1)]),
            ["final page"] = o => o.FinalPages is { Count: > 0 } p && Set(() => o.FinalPages = [(p[0].Address, "1*9," + p[0].Content), .. p.Skip(1)]),
            ["final page list"] = o => o.FinalPages is { Count: > 0 } p && Set(() => o.FinalPages = [.. p.Skip(1)]),
            ["final file"] = o => o.FinalFiles is { Count: > 0 } f && Set(() => o.FinalFiles = [f[0] with { Bytes = f[0].Bytes + 1 }, .. f.Skip(1)]),
        };

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

    private static IReadOnlyList<Mismatch> Replay(Trace trace)
    {
        Differ differ = new(trace.Name);
        using ModelWorld world = new(trace.Header, KernelProfile.Linux618, _ => new SequentialKernel());
        foreach (TraceStep step in trace.Steps) differ.Compare(step.Step.Index, step.Expected, world.Execute(step.Step));
        return differ.Mismatches;
    }

    private static bool Alter<T>(T? value, Action<T> set)
        where T : struct => value is { } v && Set(() => set(v));

    private static bool Alter(string? value, Action<string> set) => value is not null && Set(() => set(value));

    private static bool Set(Action set)
    {
        set();
        return true;
    }
}
