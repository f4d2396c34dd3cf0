using UffdActors.Conformance.Programs;

namespace UffdActors.Conformance.Tests;

/// <summary>A trace that cannot be read is named with its line.</summary>
public class TraceReaderTests
{
    private const string Header =
        """{"trace":1,"class":"pages","seed":1,"kernel":"6.18.44","page":4096,"hugepage":2097152,"uffd_user":"root","fault_around":65536"""
        + ""","arena":["0x100000000000","0x100080000000"],"src":"0x200000000000","hsrc":"0x200040000000"}""";

    private const string Final = """{"i":1,"op":"final","files":[],"pages":[]}""";

    [Theory]
    [InlineData("", ":1: the file is empty")]
    [InlineData("{\"trace\":2}", ":1: trace version 2 is not supported")]
    [InlineData("[]", ":1: a line must hold one JSON object")]
    [InlineData(Header + "\n{\"i\":0,\"op\":\"fly\",\"q\":[]}", ":2: unknown operation \"fly\"")]
    [InlineData(Header + "\n{\"i\":0,\"op\":\"open\",\"flags\":\"0x0\",\"ret\":0", ":2: it is no JSON")]
    [InlineData(Header + "\n{\"i\":0,\"op\":\"open\",\"ret\":0,\"q\":[]}\n" + Final, ":2: operation \"open\" needs the field \"flags\"")]
    [InlineData(Header + "\n{\"i\":0,\"op\":\"open\",\"flags\":\"12\",\"ret\":0,\"q\":[]}", ":2: \"12\" is not a hex word")]
    [InlineData(Header + "\n{\"i\":0,\"op\":\"open\",\"flags\":7,\"ret\":0,\"q\":[]}", ":2: a field has a value of the wrong kind")]
    [InlineData(Header + "\n{\"i\":0,\"op\":\"open\",\"flags\":\"0x0\",\"ret\":0,\"as\":0}", ":2: the field \"q\" is missing")]
    [InlineData(Header + "\n{\"i\":0,\"op\":\"open\",\"flags\":\"0x0\",\"ret\":0,\"q\":[]}", ":2: the trace is cut off")]
    public void A_bad_trace_gives_file_line_and_problem(string text, string problem)
    {
        string path = Path.Combine(Path.GetTempPath(), $"uffd-{Guid.NewGuid():N}.jsonl");
        try
        {
            File.WriteAllText(path, text);
            TraceFormatException error = Assert.Throws<TraceFormatException>(() => TraceReader.Read(path));
            Assert.StartsWith(Path.GetFileName(path) + problem, error.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
