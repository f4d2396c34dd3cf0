using System.Text.Json;
using UffdActors.Cli.Torture;
using UffdActors.PostCopy.Wire;

namespace UffdActors.Cli.Tests;

/// <summary><c>uffd migrate torture</c>: cells of it, and that it finds what is wrong.</summary>
public sealed class TortureTests
{
    [Theory]
    [InlineData("the guest runs there, and the message is lost: kill destination", "resumed-by-operator")]
    [InlineData("the last page is there, and the message is lost: kill source", "ended-without-source")]
    [InlineData("recovery: the first page: cut in a frame", "verified")]
    public async Task A_cell_ends_as_it_must(string cell, string verdict)
    {
        CommandRun run = await CommandRun.Of("migrate", "torture", "--only", cell, "--json", "-");
        run.EndsWith(0);
        DocumentRules.Hold(run.Output, "uffd-migrate-torture");
        using JsonDocument document = JsonDocument.Parse(run.Output);
        JsonElement[] migrations = [.. document.RootElement.GetProperty("migrations").EnumerateArray()];
        Assert.Equal(["verified", verdict], migrations.Select(m => m.GetProperty("verdict").GetString()));
        Assert.True(document.RootElement.GetProperty("disruptions").GetInt32() > 0);
    }

    [Fact]
    public async Task Memory_that_is_not_what_it_must_be_is_wrong()
    {
        TortureResult result = await TorturedMigration.RunAsync(new TortureOptions(), [], [], "another", null, default);
        Assert.Contains("and must be another", result.Flaw, StringComparison.Ordinal);
        Assert.Contains(result.Said, l => l.Contains("the guest runs here", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_moment_that_does_not_come_is_wrong()
    {
        // Without a pre-copy nothing of it is discarded.
        string? hash = null;
        TortureResult result = await TorturedMigration.RunAsync(
            new TortureOptions(), [], [new Injection(Disruption.Cut, MessageKind.Discard, 1)], null, found => hash = found, default);
        Assert.Equal(0, result.Disruptions);
        TortureCell cell = new("moment", "cut", [], [new Injection(Disruption.Cut, MessageKind.Discard, 1)], IsOfMoment: true);
        Assert.Equal("the moment has not come", cell.Judge(result).Flaw);
        Assert.Null((cell with { IsOfMoment = false }).Judge(result).Flaw);
    }

    [Theory]
    [InlineData(0, "the moment has not come")]
    [InlineData(1, "the moment has not come")]
    [InlineData(2, null)]
    public void Of_several_disruptions_every_one_has_to_come(int come, string? flaw)
    {
        TortureCell cell = new(
            "moments", "cut", [],
            [new Injection(Disruption.Cut, MessageKind.Discard, 1), new Injection(Disruption.Cut, MessageKind.HandOver, 1)],
            IsOfMoment: true);
        TortureResult judged = cell.Judge(new TortureResult(TortureVerdict.Verified, null, come, TimeSpan.Zero, []));
        Assert.Equal(flaw, judged.Flaw);
        Assert.Equal(flaw is null ? TortureVerdict.Verified : null, judged.Verdict);
    }

    [Fact]
    public async Task A_migration_that_does_not_come_to_its_end_in_time_is_wrong()
    {
        TortureResult result = await TorturedMigration.RunAsync(
            new TortureOptions { Deadline = TimeSpan.FromMilliseconds(1) }, [], [], null, null, default);
        Assert.Null(result.Verdict);
        Assert.Equal("it has not come to an end within 0 s", result.Flaw);
    }

    [Fact]
    public void There_are_more_than_forty_cells_and_no_two_with_one_name()
    {
        Assert.True(TortureCell.All.Count > 40);
        Assert.Distinct(TortureCell.All.Select(c => c.Name));
    }

    [Fact]
    public async Task A_cell_that_is_none_is_refused_with_the_names_of_all()
    {
        CommandRun run = await CommandRun.Of("migrate", "torture", "--only", "nothing like it");
        run.EndsWith(2);
        Assert.Contains("the hand-over has arrived", run.Error, StringComparison.Ordinal);
        Assert.Contains("cut in a frame", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_seed_draws_the_same_disruptions_again_and_one_that_kills_is_the_last()
    {
        for (ulong seed = 0; seed < 1000; seed++)
        {
            RandomPlan plan = RandomPlan.Draw(seed);
            Assert.Equal(plan.Disruptions, RandomPlan.Draw(seed).Disruptions);
            Assert.DoesNotContain(plan.Disruptions.SkipLast(1), b => b.Disruption is Disruption.KillSource or Disruption.KillDestination);
        }
    }

    // (frame, by the source, arrives, epoch) ...: where a source may be without its destination, and the other way round.
    [Theory]
    [InlineData("Offer>", "GuestHere", "Waiting")]
    [InlineData("Offer> OfferTaken<", "GuestHere InDoubt", "Waiting")]
    [InlineData("Offer> OfferTaken< HandOver!1", "InDoubt", "Waiting")]
    [InlineData("Offer> OfferTaken< HandOver>1", "InDoubt", "Waiting Running Complete")]
    [InlineData("Offer> OfferTaken< HandOver>1 Accepted?1", "InDoubt", "Running Complete")]
    [InlineData("Offer> OfferTaken< HandOver>1 Accepted<1", "Serving", "Running Complete")]
    [InlineData("Offer> OfferTaken< HandOver>1 Accepted<1 Complete?1", "Serving", "Complete Ended")]
    [InlineData("Offer> OfferTaken< HandOver>1 Accepted<1 Complete<1", "Complete Ended", "Complete Ended")]
    [InlineData("OfferTaken< HandOver!1 Hello> Welcome?0", "InDoubt", "Waiting")]
    [InlineData("OfferTaken< HandOver>1 Hello> Welcome<0", "InDoubt GuestHere", "Waiting")]
    [InlineData("OfferTaken< HandOver>1 Hello> Welcome<0 Offer>", "GuestHere", "Waiting")]
    [InlineData("OfferTaken< HandOver>1 Accepted?1 Hello> Welcome<1", "InDoubt Serving", "Running Complete")]
    [InlineData("OfferTaken< HandOver>1 Accepted?1 Hello> Welcome<1 Answer>", "Serving", "Running Complete")]
    public void What_was_on_the_wire_says_where_a_side_may_be(string frames, string source, string destination)
    {
        WireHistory wire = new();
        foreach (string frame in frames.Split(' '))
        {
            int sign = frame.IndexOfAny(['>', '<', '!', '?']);
            FrameHeader header = new()
            {
                Kind = Enum.Parse<MessageKind>(frame[..sign]),
                Id = sign == frame.Length - 1 ? 0 : ulong.Parse(frame[(sign + 1)..], System.Globalization.CultureInfo.InvariantCulture),
            };
            // '>' and '<' arrive, '!' and '?' are lost, of the source and of the destination.
            wire.Note(0, frame[sign] is '>' or '!', header, frame[sign] is '>' or '<');
        }

        Assert.Equal(source.Split(' '), wire.Source.Select(p => p.ToString()));
        Assert.Equal(destination.Split(' '), wire.Destination.Select(p => p.ToString()));
    }
}
