using BenchmarkDotNet.Attributes;
using UffdActors.Model;
using UffdActors.Model.Mapping;

namespace UffdActors.Benchmarks;

/// <summary>The map of VMAs: finding one at every look, and publishing a new map when one changes.</summary>
[MemoryDiagnoser]
public class MapBenchmarks
{
    private const long Stride = 1 << 10;
    private const long Length = Stride / 2;

    private Machine _machine = null!;
    private AddressSpace _mm = null!;
    private VmaMap _map = null!;
    private List<Vma> _changed = null!;
    private PageRange _range;

    [Params(1, 64, 4096)]
    public int Vmas { get; set; }

    [GlobalSetup]
    public void Make()
    {
        _machine = new Machine(KernelProfile.Seed, ContentKind.Stamps, 0);
        _mm = new AddressSpace(_machine);
        VmaOwner owner = new(_mm, 0);
        _map = VmaMap.Of(Enumerable.Range(0, Vmas).Select(i => NewVma(i, owner, Prot.ReadWrite)));
        _range = new PageRange(Vmas / 2 * Stride, (Vmas / 2 * Stride) + Length);
        _changed = [NewVma(Vmas / 2, owner, Prot.Read)];
    }

    [Benchmark]
    public Vma? Find() => _map.Find(_range.Start);

    [Benchmark]
    public void Publish() => _mm.Publish(_map.Replace(_range, _changed));

    [GlobalCleanup]
    public void Dispose()
    {
        _mm.Publish(VmaMap.Empty);
        _mm.Dispose();
        _machine.Dispose();
    }

    private static Vma NewVma(int number, VmaOwner owner, Prot prot)
    {
        long start = number * Stride;
        return new Vma(owner) { Range = new PageRange(start, start + Length), Prot = prot, Offset = start };
    }
}
