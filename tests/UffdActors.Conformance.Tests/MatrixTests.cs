using UffdActors.Conformance.Generation;
using UffdActors.Conformance.Matrices;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;
using UffdActors.Model;
using UffdActors.Model.Turns;
using UffdActors.Testing;

namespace UffdActors.Conformance.Tests;

/// <summary>The recorded matrices: every column of every row.</summary>
public class MatrixTests
{
    [Theory]
    [InlineData(MatrixReader.FaultsFile)]
    [InlineData(MatrixReader.OperationsFile)]
    public void A_row_with_one_altered_column_is_caught_whichever_the_column(string file)
    {
        MatrixRow row = Read(file)[0];
        foreach (string column in row.Outcomes)
        {
            Dictionary<string, string> altered = new(row.Values) { [column] = row.Values[column] + "x" };
            Differ differ = new(file);
            MatrixRow other = row with { Values = altered };
            other.Compare(differ, Execute(other));
            Assert.Equal(column, Assert.Single(differ.Mismatches).Field);
        }
    }

    [Theory]
    [InlineData("a,b", ":1: the columns must be")]
    [InlineData("backend,state,mode,op,prep,ret,outfield,pm_before,pm_after,read_after", ":1: the file has no rows")]
    [InlineData(
        "backend,state,mode,op,prep,ret,outfield,pm_before,pm_after,read_after\nanon,none", ":2: 10 columns are needed, 2 are there")]
    [InlineData(
        "backend,state,mode,op,prep,ret,outfield,pm_before,pm_after,read_after\ndax,none,M,COPY,0,0,4096,----,P---,ok:83",
        ":2: unknown backend \"dax\"")]
    [InlineData(
        "backend,state,mode,op,prep,ret,outfield,pm_before,pm_after,read_after\nanon,torn,M,COPY,0,0,4096,----,P---,ok:83",
        ":2: unknown state \"torn\"")]
    [InlineData(
        "backend,state,mode,op,prep,ret,outfield,pm_before,pm_after,read_after\nanon,none,Q,COPY,0,0,4096,----,P---,ok:83",
        ":2: unknown mode \"Q\"")]
    [InlineData(
        "backend,state,mode,op,prep,ret,outfield,pm_before,pm_after,read_after\nanon,none,M,FLY,0,0,4096,----,P---,ok:83",
        ":2: unknown op \"FLY\"")]
    public void A_bad_matrix_gives_file_line_and_problem(string text, string problem)
    {
        string folder = Directory.CreateTempSubdirectory("uffd-").FullName;
        try
        {
            string path = Path.Combine(folder, MatrixReader.OperationsFile);
            File.WriteAllText(path, text);
            TraceFormatException error = Assert.Throws<TraceFormatException>(() => MatrixReader.Read(path));
            Assert.StartsWith(MatrixReader.OperationsFile + problem, error.Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static IReadOnlyList<MatrixRow> Read(string file) => MatrixReader.Read(Path.Combine(RecordedTraces.Folder, file));

    private static IReadOnlyDictionary<string, string> Execute(MatrixRow row)
    {
        using ModelExecutor model = new(ProgramGenerator.Header, KernelProfile.Linux618, _ => new SequentialKernel());
        return row.Execute(model, ProgramGenerator.Header);
    }
}
