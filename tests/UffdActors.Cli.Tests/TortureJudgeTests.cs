using UffdActors.Cli.Torture;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Tests;

/// <summary>Ends of a migration that say and write what cannot be: each is a flaw, and what is right is none.</summary>
public sealed class TortureJudgeTests
{
    [Theory]
    [InlineData(0, "right", 0, "right", null)]
    [InlineData(1, "right", 0, "right", "the source ended with 1")]
    [InlineData(0, "right", 1, "right", "the destination ended with 1")]
    [InlineData(0, null, 0, "right", "the source has written no report")]
    [InlineData(0, "right", 0, null, "the destination has written no report")]
    [InlineData(0, "right", 0, "other", "the reports of both sides differ")]
    [InlineData(0, "", 0, "", "the reports of both sides differ")]
    [InlineData(0, "other", 0, "other", "the guest's memory is other at its end, and must be right")]
    public void Two_ends_that_agree(int sent, string? source, int received, string? destination, string? flaw) =>
        Judged(flaw, () => Assert.Equal(
            "right", TortureJudge.Agree(sent, EndReport.Of(source), received, EndReport.Of(destination), "right")));

    [Fact]
    public void The_run_that_nothing_happens_to_says_what_the_memory_must_be() =>
        Assert.Equal("any", TortureJudge.Agree(0, EndReport.Of("any"), 0, EndReport.Of("any"), null));

    [Theory]
    [InlineData("Waiting", 1, "verified- hasGuest- delivered-", "DiedWithSource", null)]
    [InlineData("Running", 1, "verified- hasGuest+ delivered-", "WaitsForLostPages", null)]
    [InlineData("Complete", 1, "verified- hasGuest+ delivered+", "EndedWithoutSource", null)]
    [InlineData("Ended", 1, "verified- hasGuest+ delivered+", "EndedWithoutSource", null)]
    [InlineData("Waiting", 0, "verified- hasGuest- delivered-", "", "the destination ended with 0 without a source")]
    [InlineData("Complete", 1, "verified+ hasGuest+ delivered+", "", "the destination ended with 1 without a source")]
    [InlineData("Waiting", 1, "verified- hasGuest+ delivered-", "", "whether it had a guest is not what it said")]
    [InlineData("Running", 1, "verified- hasGuest- delivered-", "", "whether it had a guest is not what it said")]
    [InlineData("Complete", 1, "verified- hasGuest- delivered+", "", "whether it had a guest is not what it said")]
    [InlineData("Running", 1, "verified- hasGuest+ delivered+", "", "a guest whose pages are all there was given up")]
    [InlineData("Complete", 1, "verified- hasGuest+ delivered+ other", "", "memory is other at its end, and must be right")]
    [InlineData("Ended", 1, "verified- hasGuest+ delivered+ other", "", "memory is other at its end, and must be right")]
    [InlineData("Complete", 1, null, "", "the destination has ended without a report")]
    public void A_destination_without_its_source(string phase, int exitCode, string? report, string verdict, string? flaw) => Judged(
        flaw,
        () => Assert.Equal(
            Enum.Parse<TortureVerdict>(verdict.Length > 0 ? verdict : nameof(TortureVerdict.Verified)),
            TortureJudge.WithoutSource(Enum.Parse<DestinationPhase>(phase), exitCode, EndReport.Of(report), "right")));

    [Theory]
    [InlineData("keepsGuest+ delivered-", true, false, null)]
    [InlineData("keepsGuest- delivered-", false, false, null)]
    [InlineData("keepsGuest- delivered+", false, true, null)]
    [InlineData("keepsGuest- delivered-", true, false, "the guest is nowhere")]
    [InlineData("keepsGuest+ delivered-", false, false, "the source runs a guest that is elsewhere")]
    [InlineData("keepsGuest- delivered-", false, true, "the source does not know that every page has arrived")]
    [InlineData(null, false, false, "the source has ended without a report")]
    public void A_source_without_its_destination(string? report, bool keepsGuest, bool isDelivered, string? flaw) =>
        Judged(flaw, () => TortureJudge.Source(EndReport.Of(report), keepsGuest, isDelivered));

    [Theory]
    [InlineData("hasGuest-", null)]
    [InlineData("hasGuest+", "a guest that may run elsewhere was run by another destination")]
    [InlineData(null, "a guest that may run elsewhere was run by another destination")]
    public void A_destination_that_was_started_anew(string? report, string? flaw) =>
        Judged(flaw, () => TortureJudge.Another(EndReport.Of(report)));

    [Theory]
    [InlineData("Serving", null)]
    [InlineData("Complete", null)]
    [InlineData("GuestHere", "SourcePhase is GuestHere, and may be Serving or Complete by what was on the wire")]
    [InlineData(null, "SourcePhase is Ended, and may be Serving or Complete by what was on the wire")]
    [InlineData("nonsense", "SourcePhase is nonsense, and may be Serving or Complete by what was on the wire")]
    public void Where_an_end_is(string? phase, string? flaw) => Judged(
        flaw, () => Assert.Equal(phase, TortureJudge.Phase(phase, [SourcePhase.Serving, SourcePhase.Complete]).ToString()));

    [Theory]
    [InlineData("refused: the guest would be lost", null)]
    [InlineData("the guest goes on here", "resume-here, which loses the guest or runs it twice, was carried out")]
    [InlineData(null, "resume-here, which loses the guest or runs it twice, was carried out")]
    public void A_command_that_must_be_refused(string? answer, string? flaw) =>
        Judged(flaw, () => TortureJudge.Refused("resume-here", answer));

    private static void Judged(string? flaw, Action judge)
    {
        if (flaw is null) judge();
        else Assert.Contains(flaw, Assert.Throws<TortureException>(judge).Message, StringComparison.Ordinal);
    }
}
