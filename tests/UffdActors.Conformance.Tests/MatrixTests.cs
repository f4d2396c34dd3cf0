using UffdActors.Conformance.Generation;
using UffdActors.Conformance.Matrices;
using UffdActors.Conformance.Replay;
using UffdActors.Model;

namespace UffdActors.Conformance.Tests;

/// <summary>The recorded matrices: every column of every row.</summary>
public class MatrixTests
{
    [Theory]
    [InlineData(MatrixReader.FaultsFile, 2_580)]
    [InlineData(MatrixReader.OperationsFile, 2_106)]
    public void Every_recorded_row_is_what_the_model_does(string file, int count)
    {
        IReadOnlyList<MatrixRow> rows = MatrixReader.Read(Path.Combine(RecordedTraces.Folder, file));
        Assert.Equal(count, rows.Count);
        Differ differ = new(file);
        foreach (MatrixRow row in rows)
        {
            using ModelWorld world = new(ProgramGenerator.Header, KernelProfile.Linux618, _ => new SequentialKernel());
            row.Compare(differ, row.Execute(world, ProgramGenerator.Header));
        }

        Assert.Empty(differ.Mismatches);
    }
}
