using UffdActors.Explore.Campaigns;
using UffdActors.Explore.Mutants;
using UffdActors.Explore.Reports;
using UffdActors.Explore.Runs;

namespace UffdActors.Explore.Tests;

public class MutantTests
{
    private static readonly IReadOnlyList<Mutant> All = MutantAssembly.Of(System.Reflection.Assembly.Load("UffdActors.Mutants"));

    public static TheoryData<string> Names => [.. All.Select(m => m.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_mutant_is_found_and_can_be_replayed(string name)
    {
        Mutant mutant = All.Single(m => m.Name == name);
        MutantReport report =
            new MutantHunt(new CampaignOptions { Schedules = 60_000 }, shrinks: false, CancellationToken.None).Hunt(mutant);

        Finding finding = Assert.IsType<Finding>(report.Finding);
        ReplayFile file = ReplayFile.Of(finding, seed: 1, mutant.Name);
        using Explorer explorer = new(mutant.Parts);
        RunResult again = file.Run(explorer);
        if (finding.Violation.Invariant == Campaign.Repeatable)
        {
            // What differs between two runs is never twice the same.
            Assert.Equal(Campaign.Repeatable, again.Violation?.Invariant);
            return;
        }

        Assert.Equal((finding.Violation.Sentence, finding.Hash), (again.Violation?.Sentence, again.Hash.Text));
    }

    /// <summary>The sequential kernel sees at once that a call takes other turns. What that does to a guest must show without it.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Every_mutant_is_found_by_what_it_does_to_a_guest(string name)
    {
        Mutant mutant = All.Single(m => m.Name == name);
        CampaignOptions options = new() { Schedules = 60_000, HasReference = false };
        Assert.NotNull(new MutantHunt(options, shrinks: false, CancellationToken.None).Hunt(mutant).Finding);
    }

    [Fact]
    public void Every_rule_of_the_ring_has_a_mutant() =>
        Assert.Equal(
            ["R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9"],
            All.Select(m => m.Rule).Where(r => r[0] == 'R').Distinct().Order(StringComparer.Ordinal));

    [Fact]
    public void A_shrunk_run_breaks_the_same_invariant_in_fewer_steps()
    {
        Mutant mutant = All.Single(m => m.Name == "no-shootdown");
        CampaignOptions options = new() { Schedules = 5_000 };
        Finding found = new MutantHunt(options, shrinks: false, CancellationToken.None).Hunt(mutant).Finding!;
        Finding shrunk = new MutantHunt(options, shrinks: true, CancellationToken.None).Hunt(mutant).Finding!;

        Assert.Equal(found.Violation.Invariant, shrunk.Violation.Invariant);
        Assert.True(shrunk.Scenario.Actions < found.Scenario.Actions);
        Assert.InRange(shrunk.Steps, 1, 20);
    }
}
