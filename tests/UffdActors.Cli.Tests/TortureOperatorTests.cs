using UffdActors.Cli.Torture;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Tests;

/// <summary>What the operator of a torture does, against ends that do what must not be: each is a flaw.</summary>
public sealed class TortureOperatorTests
{
    private const string AllCommands = "abandon, resume-here, abandon --with-loss";
    private static readonly string[] Everything = ["abandon", "resume-here", "abandon --with-loss"];

    [Theory]
    [InlineData("Serving", "abandon --with-loss", "keepsGuest- delivered-", "DiedWithDestination", AllCommands, null)]
    [InlineData("Serving", "abandon", "keepsGuest- delivered-", "", "abandon", "abandon, which loses the guest")]
    [InlineData("Serving", "resume-here", "keepsGuest- delivered-", "", "abandon, resume-here", "resume-here, which loses the guest")]
    [InlineData("Serving", "abandon --with-loss", "keepsGuest+ delivered-", "", AllCommands, "the source runs a guest that is elsewhere")]
    [InlineData("Complete", "", "keepsGuest- delivered+", "LeftWhole", "", null)]
    [InlineData("Complete", "", "keepsGuest- delivered-", "", "", "the source does not know that every page has arrived")]
    [InlineData(null, "", "keepsGuest+ delivered+", "", "", "the source runs a guest that is elsewhere")]
    [InlineData("Waiting", "", "keepsGuest- delivered+", "", "", "SourcePhase is Waiting, and may be ")]
    public async Task A_source_whose_destination_is_gone(
        string? phase, string carriesOut, string report, string verdict, string asked, string? flaw)
    {
        ScriptedEnd source = new([phase], report, carriesOut.Split(", "));
        TortureOperator tortured = new(source, new ScriptedEnd([null], null), () => throw new InvalidOperationException(), "right");
        await JudgedAsync(verdict, flaw, () => tortured.WithoutDestinationAsync(
            [SourcePhase.Serving, SourcePhase.Complete, SourcePhase.Ended], default));
        Assert.Equal(asked, string.Join(", ", source.Asked));
    }

    [Theory]
    [InlineData("GuestHere", "right", "right", "MovedToAnother", null)]
    [InlineData("GuestHere", "right", "other", "", "the reports of both sides differ")]
    [InlineData("GuestHere", "other", "other", "", "the guest's memory is other at its end, and must be right")]
    [InlineData("Serving", "right", "right", "", "SourcePhase is Serving, and may be GuestHere by what was on the wire")]
    public async Task A_guest_that_is_still_at_the_source_moves_to_another_destination(
        string phase, string source, string another, string verdict, string? flaw)
    {
        TortureOperator tortured = new(
            new ScriptedEnd([phase], source), new ScriptedEnd([null], null), () => new ScriptedEnd([null], another), "right");
        await JudgedAsync(verdict, flaw, () => tortured.WithoutDestinationAsync([SourcePhase.GuestHere], default));
    }

    [Theory]
    [InlineData("resume-here", "InDoubt", "another destination listens there", "hasGuest-", "keepsGuest+ delivered-", null)]
    [InlineData("abandon", "InDoubt", "another destination listens there", "hasGuest-", "keepsGuest+ delivered-", "abandon, which loses")]
    [InlineData("resume-here", "InDoubt", "", "hasGuest-", "keepsGuest+ delivered-", "the source has not said that another destination")]
    [InlineData("resume-here", "Serving", "another destination listens there", "hasGuest-", "keepsGuest+ delivered-",
        "SourcePhase is Serving, and may be InDoubt")]
    [InlineData("resume-here", "InDoubt", "another destination listens there", "hasGuest+", "keepsGuest+ delivered-",
        "a guest that may run elsewhere was run by another destination")]
    [InlineData("resume-here", "InDoubt", "another destination listens there", "hasGuest-", "keepsGuest- delivered-",
        "the guest is nowhere")]
    public async Task A_source_in_doubt(string carriesOut, string phase, string says, string another, string report, string? flaw)
    {
        ScriptedEnd source = new([nameof(SourcePhase.InDoubt), phase], report, carriesOut) { Says = says };
        TortureOperator tortured = new(source, new ScriptedEnd([null], null), () => new ScriptedEnd([null], another), "right");
        await JudgedAsync(
            nameof(TortureVerdict.ResumedByOperator), flaw, () => tortured.WithoutDestinationAsync([SourcePhase.InDoubt], default));
    }

    [Theory]
    [InlineData("Running", false, "verified- hasGuest+ delivered-", "WaitsForLostPages", "abandon, abandon --with-loss", null)]
    [InlineData("Running", true, "verified- hasGuest+ delivered+", "EndedWithoutSource", "abandon", null)]
    [InlineData("Running", true, "verified- hasGuest+ delivered- other", "", "abandon", "the guest's memory is other at its end")]
    [InlineData("Running", false, "verified- hasGuest+ delivered+", "", "abandon, abandon --with-loss",
        "a guest whose pages are all there was given up")]
    [InlineData("Waiting", true, "verified- hasGuest- delivered-", "DiedWithSource", "abandon", null)]
    [InlineData("Complete", false, "verified- hasGuest+ delivered+", "EndedWithoutSource", "abandon", null)]
    [InlineData("Loading", true, "verified- hasGuest- delivered-", "", "", "DestinationPhase is Loading, and may be")]
    public async Task A_destination_whose_source_is_gone(
        string phase, bool carriesOut, string report, string verdict, string asked, string? flaw)
    {
        ScriptedEnd destination = new([phase], report, carriesOut ? Everything : []) { ExitCode = 1 };
        TortureOperator tortured = new(new ScriptedEnd([null], null), destination, () => throw new InvalidOperationException(), "right");
        await JudgedAsync(verdict, flaw, () => tortured.WithoutSourceAsync(
            [DestinationPhase.Waiting, DestinationPhase.Running, DestinationPhase.Complete], default));
        Assert.Equal(asked, string.Join(", ", destination.Asked));
    }

    private static async Task JudgedAsync(string verdict, string? flaw, Func<Task<TortureVerdict>> judge)
    {
        if (flaw is null) Assert.Equal(verdict, (await judge()).ToString());
        else Assert.Contains(flaw, (await Assert.ThrowsAsync<TortureException>(judge)).Message, StringComparison.Ordinal);
    }
}
