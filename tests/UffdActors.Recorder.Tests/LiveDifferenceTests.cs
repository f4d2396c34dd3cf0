using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;
using UffdActors.Recorder.Comparison;

namespace UffdActors.Recorder.Tests;

/// <summary>A program that was shrunk shows the difference that was found, and no other.</summary>
public class LiveDifferenceTests
{
    [Theory]
    [InlineData("err", "ENOENT", "EINVAL", "Copy", "err", "ENOENT", "EINVAL", "Copy", true)]
    [InlineData("err", "ENOENT", "EINVAL", "Copy", "err", "ENOENT", "EINVAL", "Move", false)]
    [InlineData("err", "ENOENT", "EINVAL", "Copy", "err", "EAGAIN", "EINVAL", "Copy", false)]
    [InlineData("err", "ENOENT", "EINVAL", "Copy", "err", "ENOENT", "EAGAIN", "Copy", false)]
    [InlineData("err", "absent", "EINVAL", "Copy", "err", "EINVAL", "absent", "Copy", false)]
    [InlineData("ret", "-1", "0", "Copy", "ret", "-1", "0", "Copy", true)]
    [InlineData("ret", "-1", "0", "Copy", "ret", "0", "-1", "Copy", false)]
    [InlineData("ret", "32", "64", "Read", "ret", "0", "32", "Read", true)]
    [InlineData("out", "4096", "8192", "Copy", "out", "0", "4096", "Copy", true)]
    [InlineData("out", "4096", "8192", "Copy", "out", "absent", "4096", "Copy", false)]
    [InlineData("out", "4096", "8192", "Copy", "v", "4096", "8192", "Copy", false)]
    [InlineData("fin[3].res", "ok:1", "sigbus:3", "Copy", "fin[0].res", "ok:2", "sigbus:2", "Copy", true)]
    [InlineData("fin[3].res", "ok:1", "sigbus:3", "Copy", "res", "ok:1", "sigbus:3", "Copy", false)]
    [InlineData("fin[3].res", "ok:1", "sigbus:3", "Copy", "fin[3].res", "ok:1", "sigsegv:1", "Copy", false)]
    [InlineData("end", "the step comes back", "hangs: server S read", "Read", "end", "the step comes back", "hangs: a D b",
        "Read", true)]
    [InlineData("end", "the step comes back", "hangs: server S read", "Read", "end", "the step comes back",
        "the process died of signal 11", "Read", false)]
    public void A_program_is_like_another_where_the_same_call_differs_in_the_same_way(
        string field, string expected, string actual, string op, string field2, string expected2, string actual2, string op2,
        bool isLike)
    {
        LiveDifference one = Difference(field, expected, actual, op, at: 7);
        LiveDifference other = Difference(field2, expected2, actual2, op2, at: 2);
        Assert.Equal(isLike, other.IsLike(one));
        Assert.Equal(isLike, one.IsLike(other));
    }

    private static LiveDifference Difference(string field, string expected, string actual, string op, int at)
    {
        TraceStep[] steps =
        [
            .. Enumerable.Range(0, at).Select(i => new TraceStep(new ProgramStep(ProgramOp.Open) { Index = i }, new Observation())),
            new TraceStep(new ProgramStep(Enum.Parse<ProgramOp>(op)) { Index = at }, new Observation()),
        ];
        Trace program = new("one", new TraceHeader("pages", 1, "6.18", 0, 0, 0, 0, 0), steps);
        return new LiveDifference(program, program, new Mismatch("one", at, field, expected, actual));
    }
}
