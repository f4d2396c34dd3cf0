using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;

namespace UffdActors.Conformance.Tests;

/// <summary>The differ sees each field of what a step showed: another value, one that nobody expected, and one that did not come.</summary>
public class DifferTests
{
    private static readonly (string Field, Action<Observation> One, Action<Observation> Other)[] Fields =
    [
        ("ret", o => o.Return = 1, o => o.Return = 2),
        ("err", o => o.Error = "EAGAIN", o => o.Error = "EINVAL"),
        ("out", o => o.Out = "4096", o => o.Out = "8192"),
        ("as", o => o.As = 0, o => o.As = 1),
        ("revents", o => o.Revents = 0, o => o.Revents = 1),
        ("res", o => o.Result = "ok", o => o.Result = "blocked"),
        ("wait", o => o.Wait = "fault", o => o.Wait = "event"),
        ("msgs", o => o.Messages = ["a"], o => o.Messages = ["b"]),
        ("msgs", o => o.Messages = [], o => o.Messages = ["b"]),
        ("msgs", o => o.Messages = ["a", "b"], o => o.Messages = ["a", "c"]),
        ("v", o => o.Vmas = "a", o => o.Vmas = "b"),
        ("cv", o => o.ChildVmas = [(4, "a")], o => o.ChildVmas = [(4, "b")]),
        ("files", o => o.Files = [new FileState(0, 4096, 1, "1")], o => o.Files = [new FileState(0, 4096, 0, "0")]),
        ("cv", o => o.ChildVmas = [(4, "a"), (5, "a")], o => o.ChildVmas = [(4, "a"), (5, "b")]),
    ];

    public static TheoryData<int, bool> All
    {
        get
        {
            TheoryData<int, bool> all = [];
            for (int i = 0; i < Fields.Length; i++)
            {
                all.Add(i, false);
                // A thread that had been blocked ends with the fields of a call.
                if (i < 10) all.Add(i, true);
            }

            return all;
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_field_that_is_another_or_was_not_expected_or_did_not_come_is_a_difference(int number, bool ofFinished)
    {
        (string field, Action<Observation> one, Action<Observation> other) = Fields[number];
        Observation nothing = Make(_ => { });
        string name = ofFinished ? $"fin[3].{field}" : field;

        Assert.Empty(Compare(Make(one), Make(one)));
        Assert.Equal(name, Assert.Single(Compare(Make(one), Make(other))).Field);
        Assert.Equal(name, Assert.Single(Compare(nothing, Make(one))).Field);
        Assert.Equal("absent", Assert.Single(Compare(nothing, Make(one))).Expected);
        Assert.Equal(name, Assert.Single(Compare(Make(one), nothing)).Field);
        Assert.Equal("absent", Assert.Single(Compare(Make(one), nothing)).Actual);

        Observation Make(Action<Observation> set)
        {
            Observation shown = new();
            set(shown);
            return ofFinished ? new Observation { Finished = [new FinishedThread(3, shown)] } : shown;
        }
    }

    [Fact]
    public void Queues_that_are_other_ones_or_too_many_or_too_few_are_a_difference()
    {
        Observation one = new() { Queues = [(0, 1, 1)] };
        foreach (IReadOnlyList<(int, int, int)> other in (IReadOnlyList<(int, int, int)>[])[
            [(0, 0, 1)], [(0, 1, 2)], [(0, 1, 1), (1, 0, 0)], []])
        {
            Assert.Equal("q", Assert.Single(Compare(one, new Observation { Queues = other })).Field);
            Assert.Equal("q", Assert.Single(Compare(new Observation { Queues = other }, one)).Field);
        }
    }

    [Fact]
    public void A_thread_that_finished_unexpectedly_or_did_not_finish_is_a_difference()
    {
        Observation none = new();
        Observation finished = new() { Finished = [new FinishedThread(1, new Observation { Result = "ok" })] };
        Observation two = new() { Finished = [.. finished.Finished, new FinishedThread(2, new Observation { Result = "ok" })] };
        Assert.Equal("fin", Assert.Single(Compare(none, finished)).Field);
        Assert.Equal("fin", Assert.Single(Compare(finished, none)).Field);
        Assert.Equal("fin", Assert.Single(Compare(finished, two)).Field);
        Assert.Equal("fin", Assert.Single(Compare(two, finished)).Field);
    }

    [Fact]
    public void Content_at_the_end_that_is_another_or_too_much_or_too_little_is_a_difference()
    {
        Observation due = Final([(0x1000, "aa"), (0x2000, "bb")], ["01", null]);
        Assert.Empty(Compare(due, Final([(0x1000, "aa"), (0x2000, "bb")], ["01", null])));
        Assert.Equal("final page 2000", Assert.Single(Compare(due, Final([(0x1000, "aa"), (0x2000, "bc")], ["01", null]))).Field);
        Assert.Equal("final page list", Assert.Single(Compare(due, Final([(0x1000, "aa")], ["01", null]))).Field);
        Assert.Equal(
            "final page list", Assert.Single(Compare(due, Final([(0x1000, "aa"), (0x2000, "bb"), (0x3000, "cc")], ["01", null]))).Field);
        Assert.Equal("final page list", Assert.Single(Compare(due, Final([(0x1000, "aa"), (0x3000, "bb")], ["01", null]))).Field);
        Assert.Equal("final files", Assert.Single(Compare(due, Final([(0x1000, "aa"), (0x2000, "bb")], ["02", null]))).Field);
        Assert.Equal("final files", Assert.Single(Compare(due, Final([(0x1000, "aa"), (0x2000, "bb")], ["01", "00"]))).Field);
        Assert.Equal("final files", Assert.Single(Compare(due, Final([(0x1000, "aa"), (0x2000, "bb")], ["01"]))).Field);
    }

    private static Observation Final((ulong, string)[] pages, string?[] file) =>
        new() { FinalPages = pages, FinalFiles = [new FileContent(0, 8192, file)] };

    private static IReadOnlyList<Mismatch> Compare(Observation expected, Observation actual)
    {
        Differ differ = new("here");
        differ.Compare(7, expected, actual);
        Assert.All(differ.Mismatches, m => Assert.Equal(("here", 7), (m.Where, m.Step)));
        return differ.Mismatches;
    }
}
