using UffdActors.Conformance.Designs;
using UffdActors.Model.Memory;

namespace UffdActors.Conformance.Tests.Cells;

/// <summary>The designs that the seed's table was weighed against, as running them shows them (SEMANTICS 7.5).</summary>
public class DesignStudyTests
{
    private static readonly DesignStudy Study = DesignStudy.Run();

    [Theory]
    [InlineData("shmem")]
    [InlineData("guest-memfd")]
    public void A_allocates_when_it_continues_over_a_hole_and_nothing_else_does(string module)
    {
        foreach ((string letter, _) in DesignStudy.Designs)
        {
            string? failure = Failure(letter, module, "3");
            if (letter == "A") Assert.Contains("CONTINUE over a hole gives 0 and has allocated", failure, StringComparison.Ordinal);
            else Assert.Null(failure);
        }
    }

    [Fact]
    public void C_advertises_what_it_refuses()
    {
        Assert.Contains("COPY is advertised and gives EINVAL", Failure("C", "guest-memfd", "2b"), StringComparison.Ordinal);
        Assert.Contains("private, I: CONTINUE is advertised and gives EINVAL", Failure("C", "shmem", "2b"), StringComparison.Ordinal);
        Assert.Null(Failure("C", "guest-memfd", "2a"));
        Assert.Null(Failure("F", "guest-memfd", "2b"));
    }

    [Theory]
    [InlineData("A", "I", 1)]
    [InlineData("B", "I", 1)]
    [InlineData("C", "I", 1)]
    [InlineData("D", "I", 1)]
    [InlineData("F", "M W MW I MI WI MWI", 4)]
    public void Only_the_merged_design_can_express_MISSING_for_memory_that_core_does_not_know(string letter, string modes, int fills)
    {
        DesignResult result = Of(letter, "guest-memfd");
        Assert.Equal(modes, string.Join(' ', result.SharedModes.Select(UffdActors.Conformance.Cells.Cell.LettersOf)));
        Assert.Equal(fills, result.Fills.Count);
    }

    [Fact]
    public void Every_design_carries_shmem_unchanged()
    {
        foreach ((string letter, _) in DesignStudy.Designs)
        {
            DesignResult result = Of(letter, "shmem");
            Assert.Equal(7, result.SharedModes.Count);
            Assert.Equal([FillKind.Copy, FillKind.ZeroPage, FillKind.Continue, FillKind.Poison], result.Fills);
        }
    }

    [Fact]
    public void Nothing_fails_but_what_was_said_about_the_designs()
    {
        string[] failing = [
            .. Study.Results.SelectMany(r => r.Checks.Where(c => c.Failure is not null).Select(c => $"{r.Design} {r.Module} {c.Number}"))
                .Order()];
        Assert.Equal(
            ["A guest-memfd 2b", "A guest-memfd 3", "A shmem 3", "B guest-memfd 2b", "C guest-memfd 2b", "C hugetlb 2b", "C shmem 2b",
                "D guest-memfd 2b", "D hugetlb 2b", "D shmem 2b"],
            failing);
    }

    [Fact]
    public void A_guest_memfd_has_two_masks_and_one_function_to_write_in_C() =>
        Assert.Equal(["Features", "Ioctls", "GetFolio", "userfault check in the fault handler"], Of("C", "guest-memfd").Members);

    [Fact]
    public void Only_the_merged_design_asks_for_no_check_in_the_fault_handler()
    {
        foreach (DesignResult result in Study.Results)
            Assert.Equal(result.Design != "F", result.Members.Any(m => m.StartsWith("userfault check", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_measurement_has_a_figure_for_whatever_takes_MINOR()
    {
        foreach (DesignResult result in DesignStudy.Run(rounds: 1).Results)
            Assert.Equal(result.SharedModes.Contains(RegisterModes.Minor), result.FaultNanoseconds > 0);
    }

    private static DesignResult Of(string letter, string module) => Study.Results.Single(r => r.Design == letter && r.Module == module);

    private static string? Failure(string letter, string module, string check) =>
        Of(letter, module).Checks.Single(c => c.Number == check).Failure;
}
