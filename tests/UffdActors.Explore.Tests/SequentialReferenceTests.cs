using UffdActors.Explore.Campaigns;
using UffdActors.Explore.Oracles;
using UffdActors.Explore.Scenarios;
using UffdActors.Explore.Scenes;
using UffdActors.Model.Mapping;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

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

    /// <summary>A run that is wrong in one way each: the comparison of calls and of pages.</summary>
    [Theory]
    [InlineData("unregister", "Unregister ended with EINVAL, and goes on where fills are atomic")]
    [InlineData("move", "Move ended with EINVAL, and goes on where fills are atomic")]
    [InlineData("punch", "is File, and None where fills are atomic")]
    [InlineData("half a punch", "is None, and File where fills are atomic")]
    public void What_is_wrong_with_one_call_is_told_from_the_sequential_kernel(string wrong, string says)
    {
        const string head = "kernel = linux-6.18, regions { ram { pages = 4 }, to { pages = 2 }, file { pages = 4, memory = shmem } }, "
            + "contexts { uffd { features = [move], register.ram = [missing, wp], register.to = [missing], register.file = [missing] } }, ";
        string scenario = head + "threads { main = [" + wrong switch
        {
            "unregister" => "\"copy uffd ram 0 4\", \"unregister uffd ram 0 4\"",
            "move" => "\"copy uffd ram 0 2\", \"move uffd to 0 2 ram 0\"",
            _ => "\"copy uffd file 0 4\", \"punch file 0 2\"",
        } + "] }";

        Assert.Null(Explore(RunParts.Shipped, scenario)?.Violation);
        Violation? violation = Explore(new WrongCalls(wrong), scenario)?.Violation;

        Assert.Equal("sequential", violation?.Invariant);
        Assert.Contains(says, violation!.Sentence, StringComparison.Ordinal);
    }

    private static Finding? Explore(RunParts parts, string scenario)
    {
        using Explorer explorer = new(parts);
        return new Campaign(explorer, new CampaignOptions { Schedules = 50 }).Explore(ScenarioText.Parse("wrong", scenario)).Finding;
    }

    private sealed class WrongCalls(string wrong) : RunParts
    {
        public override Operation NewUnregister(Caller thread, UserfaultContext context, ulong start, ulong length) =>
            base.NewUnregister(thread, context, start, wrong == "unregister" ? 0 : length);

        public override Operation NewMove(Caller thread, UserfaultContext context, ulong destination, ulong source, ulong length) =>
            base.NewMove(thread, context, destination, source, wrong == "move" ? length + 1 : length);

        public override Operation NewPunch(Caller thread, MemoryFile file, long offset, long length) => wrong switch
        {
            "punch" => base.NewPunch(thread, file, offset, length / 2),
            "half a punch" => base.NewPunch(thread, file, offset, length * 2),
            _ => base.NewPunch(thread, file, offset, length),
        };
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
