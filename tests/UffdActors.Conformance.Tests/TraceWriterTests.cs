using UffdActors.Conformance.Generation;
using UffdActors.Conformance.Programs;
using UffdActors.Testing;

namespace UffdActors.Conformance.Tests;

/// <summary>What is written reads back.</summary>
public sealed class TraceWriterTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Recorded_traces_are_written_as_they_were_recorded()
    {
        foreach (string file in RecordedTraces.Files) Assert.Equal(File.ReadAllText(file), TraceWriter.ToText(TraceReader.Read(file)));
    }

    [Fact]
    public void Generated_traces_read_back_as_the_same()
    {
        for (ulong seed = 0; seed < 50; seed++)
        {
            Trace trace = ProgramGenerator.Generate(new Choices(seed));
            TraceWriter.Write(_path, trace);
            Assert.Equal(TraceWriter.ToText(trace), TraceWriter.ToText(TraceReader.Read(_path)));
        }
    }
}
