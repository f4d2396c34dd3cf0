using UffdActors.Conformance.Cells;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Runs;
using UffdActors.Model;
using UffdActors.Testing;

namespace UffdActors.Conformance.Tests.Cells;

/// <summary>A question that no matrix covers finds a step of a trace that a real kernel was recorded to take.</summary>
public class RecordedStepTests
{
    private static readonly RecordedSteps Steps = new([.. ConformanceData.ReadTraces(RecordedTraces.Folder)]);
    private static readonly RecordedCells Rows = RecordedCells.Read(RecordedTraces.Folder);

    [Theory]
    [InlineData("anon", "present", "M", "copy", "copy", "gave EEXIST, out -17")]
    [InlineData("anon", "none", "MW", "copy+wp", "copy", "\"mode\":\"0x2\"} gave 0, out 4096")]
    [InlineData("anon", "none", "M", "zeropage", "zeropage", "gave 0, out 4096")]
    [InlineData("hugetlb", "none", "M", "zeropage", "zeropage", "\"len\":\"0x200000\",\"mode\":\"0x0\"} gave EINVAL, out -22")]
    [InlineData("shmem", "cache-unmapped", "I", "continue", "continue", "gave 0, out 4096")]
    [InlineData("shmem", "none", "M", "poison", "poison", "gave 0, out 4096")]
    [InlineData("anon", "present", "MW", "wp-set", "writeprotect", "\"mode\":\"0x1\"} gave 0")]
    [InlineData("anon", "present+wp", "MW", "wp-clear", "writeprotect", "\"mode\":\"0x0\"} gave 0")]
    [InlineData("anon", "none", "M", "move", "move", "gave 0, out 4096")]
    [InlineData("anon", "none", "M", "wake", "wake", "\"len\":\"0x1000\"} gave 0")]
    [InlineData("anon", "none", "M", "register", "register", "\"mode\":\"0x1\"} gave 0, out 0x1")]
    [InlineData("anon", "present", "M", "unregister", "unregister", "gave 0")]
    [InlineData("anon", "present", "M", "read", "access", "\"kind\":\"read\"")]
    [InlineData("anon", "none", "M", "write", "access", "{\"ev\":\"pagefault\",\"flags\":1,")]
    [InlineData("anon", "none", "M", "kread", "access", "{\"ev\":\"pagefault\",\"flags\":0,")]
    [InlineData("shmem", "cache-unmapped", "I", "kwrite", "access", "{\"ev\":\"pagefault\",\"flags\":5,")]
    [InlineData("shmem", "present", "M", "dontneed", "madvise", "\"advice\":\"DONTNEED\"} gave 0")]
    [InlineData("anon", "present", "MW", "free", "madvise", "\"advice\":\"FREE\"} gave 0")]
    [InlineData("shmem", "present", "M", "remove", "madvise", "\"advice\":\"REMOVE\"} gave 0")]
    [InlineData("hugetlb", "present", "M", "punch", "punch", "\"len\":\"0x200000\"} gave 0")]
    [InlineData("shmem", "present", "M", "truncate", "truncate", "gave 0")]
    [InlineData("anon", "present", "M", "fork", "fork", "gave 0")]
    public void A_question_of_each_operation_finds_a_step(
        string memory, string state, string modes, string operation, string op, string text)
    {
        RecordedCell? found = Steps.Find(Question(memory, state, modes, operation));

        Assert.NotNull(found);
        Assert.Contains(text, found.Text, StringComparison.Ordinal);
        Assert.Contains($"\"op\":\"{op}\"", found.Text, StringComparison.Ordinal);
        Assert.Equal(CellRun.Of(KernelProfile.Linux618, Question(memory, state, modes, operation)).Result, found.Result);
    }

    [Fact]
    public void What_is_cited_is_the_line_of_that_file_and_was_recorded_in_the_situation_of_the_question()
    {
        RecordedCell found = Steps.Find(Question("anon", "none", "M", "wake"))!;

        string line = File.ReadLines(Path.Combine(RecordedTraces.Folder, found.File)).ElementAt(found.Line - 1);
        Trace trace = TraceReader.Read(Path.Combine(RecordedTraces.Folder, found.File));
        TraceStep step = trace.Steps[found.Line - 2];
        Assert.StartsWith($"{{\"i\":{found.Step},\"op\":\"wake\"", line, StringComparison.Ordinal);
        // The list of mappings that was recorded last before the step has the range in anonymous memory, with mode M alone and an empty
        // entry.
        string[] words = trace.Steps.Take(found.Line - 2).Last(s => s.Expected.Vmas is not null).Expected.Vmas!.Split('\n')
            .Select(v => v.Split(' ')).Single(v => Bound(v[0], 0) <= step.Step.Address && step.Step.Address < Bound(v[0], 1));
        Assert.Equal(("rw-p", "M", "anon"), (words[1], words[2], words[3]));
        Assert.Equal('0', words[4][(int)((step.Step.Address - Bound(words[0], 0)) >> 12)]);
        Assert.Equal(0, step.Expected.Return);

        static ulong Bound(string range, int which) => Convert.ToUInt64(range.Split('-')[which], 16);
    }

    [Fact]
    public void A_message_that_is_cited_is_read_by_the_step_that_is_named()
    {
        RecordedCell found = Steps.Find(Question("shmem", "cache-unmapped", "I", "kwrite"))!;

        IReadOnlyList<TraceStep> steps = TraceReader.Read(Path.Combine(RecordedTraces.Folder, found.File)).Steps;
        string[] words = found.Text.Split("gave a fault; step ")[1].Split(" reads ");
        TraceStep read = steps[int.Parse(words[0], System.Globalization.CultureInfo.InvariantCulture)];
        Assert.Equal(words[1], read.Expected.Messages![0]);
        Assert.Contains("\"flags\":5", words[1], StringComparison.Ordinal);
        Assert.Equal("fault", steps[found.Step!.Value].Expected.Wait);
    }

    [Theory]
    [InlineData("guest-memfd", "none", "M", "wake")]
    [InlineData("hugetlb-1g", "present", "M", "dontneed")]
    [InlineData("anon", "none", "M", "punch")]
    [InlineData("anon", "none+wp", "M", "copy")]
    public void A_question_without_evidence_finds_none(string memory, string state, string modes, string operation) =>
        Assert.Null(Steps.Find(Question(memory, state, modes, operation)));

    [Fact]
    public void Where_registering_is_refused_already_a_step_shows_the_refusal()
    {
        Cell cell = Question("anon", "none", "I", "copy");
        AskAnswer answer = AskAnswer.Of(KernelProfile.Linux618, cell, Rows, Steps);

        Assert.Equal("REGISTER: EINVAL", answer.Answer.Preparation);
        Assert.Contains("\"mode\":\"0x4\"} gave EINVAL, out untouched", answer.Recorded!.Text, StringComparison.Ordinal);
        Assert.True(answer.IsAsRecorded);
    }

    [Fact]
    public void A_trace_that_is_not_what_the_kernel_does_shows_nothing_from_there_on()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("uffd-steps");
        try
        {
            Cell cell = Question("anon", "none", "M", "wake");
            RecordedCell found = Steps.Find(cell)!;
            string[] lines = File.ReadAllLines(Path.Combine(RecordedTraces.Folder, found.File));
            string path = Path.Combine(folder.FullName, "altered.jsonl");
            File.WriteAllLines(path, lines);
            Assert.Equal(found.Line, new RecordedSteps(ConformanceData.ReadTraces(folder.FullName)).Find(cell)!.Line);

            lines[found.Line - 1] = lines[found.Line - 1].Replace("\"ret\":0", "\"ret\":-1,\"err\":\"EINVAL\"", StringComparison.Ordinal);
            File.WriteAllLines(path, lines);
            Assert.Null(new RecordedSteps(ConformanceData.ReadTraces(folder.FullName)).Find(cell));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_folder_without_recordings_is_said_to_be_one() =>
        Assert.Throws<ConformanceDataException>(() => RecordedCells.Read(Path.Combine(RecordedTraces.Folder, "nothing-here")));

    [Fact]
    public void An_answer_does_not_depend_on_the_features_that_are_called_irrelevant()
    {
        foreach (Cell cell in Cell.All().Where((c, i) => i % 23 == 0 && c.Features != (c.Features & c.RelevantFeatures)))
        {
            CellAnswer without = CellRun.Of(KernelProfile.Linux618, cell with { Features = cell.Features & cell.RelevantFeatures });
            CellAnswer with = CellRun.Of(KernelProfile.Linux618, cell);
            // What becomes of a thread asleep at the page depends on whether one can sleep, so on SIGBUS too; that is no part of what a
            // step shows.
            Assert.True(
                with with { Reader = "", Writer = "" } == without with { Reader = "", Writer = "" }, $"{cell}: {with} against {without}");
        }
    }

    private static Cell Question(string memory, string state, string modes, string operation) => new(
        CellMemory.Find(memory)!,
        CellState.Find(state)!,
        UffdFeatures.None,
        modes.Aggregate(
            RegisterModes.None,
            (all, letter) =>
                all | (letter == 'M' ? RegisterModes.Missing : letter == 'W' ? RegisterModes.WriteProtect : RegisterModes.Minor)),
        CellOperation.Find(operation)!);
}
