using BenchmarkDotNet.Attributes;
using UffdActors.Model.Memory;

namespace UffdActors.Benchmarks;

/// <summary>The page table by itself: looking an entry up, writing it, and writing a whole gibibyte as extents.</summary>
[MemoryDiagnoser]
public class PageTableBenchmarks
{
    private const int Pages = 1 << 18;
    private const long First = 1L << 32;

    private WordTable _table = null!;
    private WordTable _extents = null!;

    [Params(false, true)]
    public bool Wide { get; set; }

    [GlobalSetup]
    public void Fill()
    {
        _table = new WordTable(Wide);
        _extents = new WordTable(Wide);
        for (long page = First; page < First + Pages; page++) _table.Set(page, (uint)(page & 0x7FFF) + 1);
    }

    [Benchmark(OperationsPerInvoke = Pages)]
    public uint Lookup()
    {
        uint sum = 0;
        for (long page = First; page < First + Pages; page++) sum += _table.Get(page);
        return sum;
    }

    [Benchmark(OperationsPerInvoke = Pages)]
    public void Install()
    {
        for (long page = First; page < First + Pages; page++) _table.Set(page, 7);
    }

    [Benchmark]
    public void InstallGibibyteByExtents() => _extents.Fill(First, Pages, 7);

    [GlobalCleanup]
    public void Dispose()
    {
        _table.Dispose();
        _extents.Dispose();
    }
}
