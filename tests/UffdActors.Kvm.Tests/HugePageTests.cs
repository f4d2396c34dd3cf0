using UffdActors.Kvm.Programs;
using UffdActors.Kvm.Runs;
using UffdActors.PostCopy;
using UffdActors.Testing;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Kvm.Tests;

/// <summary>A guest in huge pages: one fault brings 2 MiB.</summary>
[Collection(HugePageCollection.Name)]
public sealed class HugePageTests(HugePages pool)
{
    [SkippableTheory]
    [InlineData(PostCopyMode.Missing)]
    [InlineData(PostCopyMode.Minor)]
    public async Task A_guest_in_hugetlb_computes_what_it_computes_with_all_memory_present(PostCopyMode mode)
    {
        ThisKvm.Require();
        pool.Require();
        GuestPlan plan = Guests.Plan(ProgramKind.Scatter, vcpus: 2, dataPages: 1024, largePages: true);
        (GuestResult present, GuestResult served) = await Guests.BothAsync(plan, o => o with { Backend = "hugetlb", Mode = mode });
        Assert.Equal([], GuestVerdict.Differences(present, served));
        Assert.Equal(2 << 20, served.PageBytes);
        // The boot area and two pages of data.
        Assert.InRange(served.Faults!.Faults, 3, 6);
        Assert.Equal(0, served.AbsentPages);
    }
}
