using UffdActors.Explore.Campaigns;
using UffdActors.Explore.Scenarios;
using UffdActors.Explore.Scenes;
using UffdActors.Model.Mapping;
using UffdActors.Model.Operations.Filling;

namespace UffdActors.Explore.Tests;

public class SequentialReferenceTests
{
    [Fact]
    public void A_wrong_errno_that_no_invariant_forbids_is_not_what_the_sequential_kernel_answers()
    {
        using Explorer explorer = new(new Parts(thread => new WrongErrno(thread)));
        ScenarioReport report =
            new Campaign(explorer, new CampaignOptions { Schedules = 200 }).Explore(NamedScenarios.Find("punch-under-fills"));
        Assert.Equal("sequential", report.Finding?.Violation.Invariant);
        Assert.Contains("was stopped by EINVAL, and would get EEXIST", report.Finding!.Violation.Sentence, StringComparison.Ordinal);

        ScenarioReport without = new Campaign(explorer, new CampaignOptions { Schedules = 200, HasReference = false }).Explore(
            NamedScenarios.Find("punch-under-fills"));
        Assert.Null(without.Finding);
    }

    [Fact]
    public void The_comparison_changes_nothing_of_the_runs()
    {
        foreach (Scenario scenario in NamedScenarios.All)
        {
            using Explorer explorer = new();
            CampaignOptions options = new() { Schedules = 24, RepeatOneIn = 0 };
            string with = new Campaign(explorer, options).Explore(scenario).Digest;
            Assert.Equal(new Campaign(explorer, options with { HasReference = false }).Explore(scenario).Digest, with);
        }
    }

    private sealed class Parts(Func<Caller, Fill> fill) : RunParts
    {
        public override Fill NewFill(Caller thread) => fill(thread);
    }

    private sealed class WrongErrno(Caller thread) : Fill(thread)
    {
        internal override Errno InstallOne(Vma vma, long page, uint folio, bool wp) =>
            base.InstallOne(vma, page, folio, wp) is var error && error == Errno.EEXIST ? Errno.EINVAL : error;
    }
}
