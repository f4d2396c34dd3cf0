using UffdActors.Conformance.Cells;
using UffdActors.Model;
using UffdActors.Testing;

namespace UffdActors.Conformance.Tests.Cells;

/// <summary>A cell's answer comes out of the model and agrees with the recorded row that covers it.</summary>
public class CellTests
{
    [Fact]
    public void Every_recorded_row_that_covers_a_cell_says_what_the_model_says()
    {
        int covered = 0;
        RecordedCells recorded = RecordedCells.Read(RecordedTraces.Folder);
        foreach (Cell cell in Cell.All())
        {
            if (recorded.Find(cell) is not { } row) continue;
            covered++;
            CellAnswer answer = CellRun.Of(KernelProfile.Linux618, cell);
            Assert.True(answer.Result == row.Result, $"{cell}: {answer} against {row}");
        }

        Assert.True(covered > 3000, $"only {covered} rows were found");
    }

    [Fact]
    public void Features_that_only_tell_more_in_a_message_ask_the_same_question()
    {
        RecordedCells recorded = RecordedCells.Read(RecordedTraces.Folder);
        Cell copy = Anonymous("copy");
        Assert.NotNull(recorded.Find(copy));
        Assert.Equal(recorded.Find(copy), recorded.Find(copy with { Features = UffdFeatures.ExactAddress | UffdFeatures.ThreadId }));
    }

    [Fact]
    public void Every_cell_has_a_rule_to_cite()
    {
        foreach (Cell cell in Cell.All().Where((_, i) => i % 61 == 0))
        {
            CellRule rule = CellRule.Of(cell, CellRun.Of(KernelProfile.Seed, cell));
            Assert.NotEmpty(rule.Sentence);
            Assert.StartsWith("SEMANTICS ", rule.Section, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(
        "shmem", "wp-marker", RegisterModes.Missing | RegisterModes.WriteProtect, "copy", "0", "page of the file with 83",
        "SEMANTICS 5.3.3")]
    [InlineData(
        "shmem", "wp-marker", RegisterModes.Missing | RegisterModes.WriteProtect, "copy+wp", "0",
        "page of the file with 83, write-protected", "SEMANTICS 5.2.1")]
    [InlineData("shmem", "cache", RegisterModes.Missing, "copy", "EEXIST", "empty", "SEMANTICS 5.2.4")]
    [InlineData("anon", "poison", RegisterModes.Missing, "zeropage", "EEXIST", "poison", "SEMANTICS 5.2.2")]
    [InlineData("shmem", "hole", RegisterModes.Minor, "continue", "EFAULT", "empty", "SEMANTICS 5.2.5")]
    [InlineData("anon", "hole", RegisterModes.Missing, "write", "MSG:WRITE", "empty", "SEMANTICS 4.2.4")]
    public void Answers_result_next_state_and_rule(
        string memory, string state, RegisterModes modes, string operation, string result, string after, string section)
    {
        Cell cell = new(CellMemory.Find(memory)!, CellState.Find(state)!, UffdFeatures.None, modes, CellOperation.Find(operation)!);

        CellAnswer answer = CellRun.Of(KernelProfile.Linux618, cell);

        Assert.Equal((result, after, section), (answer.Result, answer.EntryAfter, CellRule.Of(cell, answer).Section));
    }

    [Fact]
    public void A_feature_that_the_kernel_does_not_offer_is_the_rule_that_is_cited()
    {
        Cell cell = Anonymous("copy") with { Features = UffdFeatures.Poison };
        KernelProfile kernel = KernelProfile.Linux618 with { Features = UffdFeatures.All & ~UffdFeatures.Poison };
        Assert.Equal("SEMANTICS 2.1.1", CellRule.Of(cell, CellRun.Of(kernel, cell)).Section);
    }

    [Fact]
    public void Says_who_wakes()
    {
        Cell copy = Anonymous("copy");
        CellAnswer answer = CellRun.Of(KernelProfile.Linux618, copy);
        Assert.Equal(("woken, ok:83", "woken, ok:78"), (answer.Reader, answer.Writer));

        answer = CellRun.Of(KernelProfile.Linux618, Anonymous("wake"));
        Assert.Equal(("woken, faults again MSG:0", "woken, faults again MSG:WRITE"), (answer.Reader, answer.Writer));

        answer = CellRun.Of(KernelProfile.Linux618, Anonymous("dontneed"));
        Assert.Equal(("sleeps on", "sleeps on"), (answer.Reader, answer.Writer));
    }

    private static Cell Anonymous(string operation) =>
        new(CellMemory.Find("anon")!, CellState.Find("none")!, UffdFeatures.None, RegisterModes.Missing, CellOperation.Find(operation)!);
}
