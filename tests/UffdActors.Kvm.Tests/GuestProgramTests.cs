using UffdActors.Kvm.Programs;
using UffdActors.Kvm.Runs;
using UffdActors.PostCopy;

namespace UffdActors.Kvm.Tests;

/// <summary>A guest whose memory is served computes what it computes with all of it present.</summary>
public sealed class GuestProgramTests
{
    [SkippableTheory]
    [InlineData(nameof(ProgramKind.Walk), 1, false)]
    [InlineData(nameof(ProgramKind.Random), 2, true)]
    [InlineData(nameof(ProgramKind.Write), 4, false)]
    [InlineData(nameof(ProgramKind.Scatter), 16, false)]
    [InlineData(nameof(ProgramKind.Counter), 4, true)]
    [InlineData(nameof(ProgramKind.Mark), 2, false)]
    [InlineData(nameof(ProgramKind.Balloon), 2, false)]
    public async Task A_served_guest_computes_what_it_computes_with_all_memory_present(string kind, int vcpus, bool largePages)
    {
        ThisKvm.Require();
        GuestPlan plan = Guests.Plan(Enum.Parse<ProgramKind>(kind), vcpus, largePages: largePages);
        (GuestResult present, GuestResult served) = await Guests.BothAsync(plan);
        Assert.Equal([], GuestVerdict.Differences(present, served));
        Assert.True(served.Faults!.Faults > 200, $"{served.Faults.Faults} faults");
        Assert.Equal(vcpus * plan.Rounds, served.Console.Length);
    }

    [SkippableTheory]
    [InlineData("shmem", PostCopyMode.Missing)]
    [InlineData("shmem", PostCopyMode.Minor)]
    public async Task Other_memory_is_served_as_well(string backend, PostCopyMode mode)
    {
        ThisKvm.Require();
        (GuestResult present, GuestResult served) =
            await Guests.BothAsync(Guests.Plan(ProgramKind.Scatter, 2), o => o with { Backend = backend, Mode = mode });
        Assert.Equal([], GuestVerdict.Differences(present, served));
        Assert.True(served.Faults!.Faults > 200, $"{served.Faults.Faults} faults");
    }
}
