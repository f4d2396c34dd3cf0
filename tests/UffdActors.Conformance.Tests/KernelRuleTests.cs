using UffdActors.Abi;
using UffdActors.Conformance.Generation;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;
using UffdActors.Model;
using UffdActors.Model.Turns;

namespace UffdActors.Conformance.Tests;

/// <summary>Rules that generated programs showed on a real Linux 6.18, and that no recording of the project reaches.</summary>
public class KernelRuleTests
{
    private const ulong Area = 0x1000_0000_0000;
    private const ulong HugeArea = 0x1000_4000_0000;

    [Fact]
    public void Userfaultfd_looks_at_an_int_of_its_flags() =>
        Assert.Equal(0, Last(new ProgramStep(ProgramOp.Open) { Word = 0x1_0000_0000 }).Return);

    [Fact]
    public void A_write_that_ends_in_SIGBUS_beyond_the_end_has_made_the_anon_vma_all_the_same()
    {
        // Parts of one mapping merge again only if they have the same anon_vma, so it must come from before they were cut.
        Observation last = Last(
            new ProgramStep(ProgramOp.File) { Kind = "shm", Length = 0x1000 },
            new ProgramStep(ProgramOp.Mmap) { Address = Area, Length = 0x3000, Word = 3, Kind = "shmp" },
            new ProgramStep(ProgramOp.Access) { Thread = 0, Kind = "write", Address = Area + 0x2000, Value = 1 },
            new ProgramStep(ProgramOp.Mprotect) { Address = Area + 0x1000, Length = 0x1000, Word = 0 },
            new ProgramStep(ProgramOp.Open) { Word = 0x80800 },
            new ProgramStep(ProgramOp.Api) { Magic = Uffd.ApiMagic },
            new ProgramStep(ProgramOp.Register) { Address = Area + 0x2000, Length = 0x1000, Word = 1 },
            new ProgramStep(ProgramOp.Access) { Thread = 0, Kind = "write", Address = Area, Value = 2 },
            new ProgramStep(ProgramOp.Copy) { Address = Area + 0x2000, Other = 0x2000_0000_0000, Length = 0x1000 },
            new ProgramStep(ProgramOp.Close),
            new ProgramStep(ProgramOp.Mprotect) { Address = Area + 0x1000, Length = 0x1000, Word = 3 });
        Assert.Equal("100000000000-100000003000 rw-p - f0+0 800", last.Vmas);
    }

    [Fact]
    public void A_file_of_huge_pages_that_grows_loses_what_private_mappings_have_behind_its_new_end()
    {
        Observation last = Last(
            new ProgramStep(ProgramOp.File) { Kind = "htlb", Length = 0x20_0000 },
            new ProgramStep(ProgramOp.Mmap) { Address = HugeArea, Length = 0x20_0000, Word = 1, Kind = "htlbp", Second = 0x60_0000 },
            new ProgramStep(ProgramOp.Open) { Word = 0x80800 },
            new ProgramStep(ProgramOp.Api) { Magic = Uffd.ApiMagic },
            new ProgramStep(ProgramOp.Register) { Address = HugeArea, Length = 0x20_0000, Word = 1 },
            new ProgramStep(ProgramOp.Copy) { Address = HugeArea, Other = 0x2000_4000_0000, Length = 0x20_0000 },
            new ProgramStep(ProgramOp.Truncate) { Length = 0x40_0000 });
        Assert.Equal("100040000000-100040200000 r--p M f0+600000 0", last.Vmas);
    }

    private static Observation Last(params ProgramStep[] steps)
    {
        using ModelExecutor model = new(ProgramGenerator.Header, KernelProfile.Linux618, _ => new SequentialKernel());
        Observation last = new();
        foreach (ProgramStep step in steps) last = model.Execute(step);
        return last;
    }
}
