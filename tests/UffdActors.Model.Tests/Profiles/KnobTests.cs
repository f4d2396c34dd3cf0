using UffdActors.Abi;
using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Files;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Tests.Profiles;

/// <summary>The knobs in which real machines differ, and the pages of 1 GiB of which there are no recordings.</summary>
public class KnobTests
{
    private const long GiantStride = 1L << (PageSize.GiantShift - PageSize.BaseShift);

    [Theory]
    [InlineData(0, 1)]
    [InlineData(16 * 1024, 4)]
    [InlineData(64 * 1024, 16)]
    public void Fault_around_maps_the_cached_neighbours_of_its_window(long bytes, int mapped)
    {
        using Scene scene = new(KernelProfile.Linux618 with { FaultAroundBytes = bytes });
        MemoryFile file = scene.NewFile(new Shmem(), 32);
        scene.Map(32, file);
        for (long page = 0; page < 32; page++) _ = file.EnsurePage(page);

        _ = scene.Touch(scene.Thread(1), 0);

        Assert.Equal(mapped, Enumerable.Range(0, 32).Count(page => scene.EntryAt(page).IsPresent));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_read_of_absent_anonymous_memory_gets_the_zero_page_or_one_of_its_own(bool isZeroPage)
    {
        using Scene scene = new(KernelProfile.Linux618 with { ReadsMapZeroPage = isZeroPage });
        scene.Map(4);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing, 1, 1);
        _ = scene.Fill(context, FillKind.ZeroPage, 1);

        Access read = scene.Touch(scene.Thread(1), 0);

        Assert.Equal((AccessOutcome.Ok, 0UL), (read.Outcome, read.Value));
        Assert.Equal(isZeroPage ? EntryKind.Zero : EntryKind.Anon, scene.EntryAt(0).Kind);
        Assert.Equal(EntryKind.Zero, scene.EntryAt(1).Kind);
        Assert.Equal(!isZeroPage, scene.Mm.Map.Find(PageSize.PageOf(Scene.At(0)))!.Anon is not null);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_read_that_is_due_a_fault_makes_an_anon_vma_where_it_would_get_a_page_of_its_own(bool isZeroPage)
    {
        using Scene scene = new(KernelProfile.Linux618 with { ReadsMapZeroPage = isZeroPage });
        scene.Map(4);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);

        _ = scene.Touch(scene.Thread(1), 0);

        Assert.Equal(EntryKind.None, scene.EntryAt(0).Kind);
        Assert.Equal(!isZeroPage, scene.Mm.Map.Find(PageSize.PageOf(Scene.At(0)))!.Anon is not null);
    }

    [Theory]
    [InlineData(false, 2)]
    [InlineData(true, 4)]
    public void Memory_failure_handling_decides_the_signals_code_for_poison_only(bool handled, int code)
    {
        using Scene scene = new(KernelProfile.Linux618 with { MemoryFailure = handled });
        scene.Map(4);
        UserfaultContext context = scene.Open(UffdFeatures.Sigbus);
        _ = scene.Register(context, RegisterModes.Missing);
        _ = scene.Fill(context, FillKind.Poison);

        Access poisoned = scene.Touch(scene.Thread(1), 0);
        Access missing = scene.Touch(scene.Thread(1), 1);

        Assert.Equal((AccessOutcome.SigBus, code), (poisoned.Outcome, poisoned.SignalCode));
        Assert.Equal((AccessOutcome.SigBus, 2), (missing.Outcome, missing.SignalCode));
    }

    [Fact]
    public void The_pool_of_huge_pages_is_as_large_as_the_profile_says_and_an_empty_one_shows_as_EEXIST()
    {
        KernelProfile profile = KernelProfile.Linux618 with { HugePages = 1 };
        using Machine machine = new(profile, ContentKind.Runs, basePages: 16);
        Assert.NotEqual(FolioStore.None, machine.HugeFolios.AllocateZeroed());
        Assert.Equal(FolioStore.None, machine.HugeFolios.AllocateZeroed());

        using Scene scene = new(profile, hugePages: null);
        scene.Map(2, scene.NewFile(new Hugetlb(), 2));
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing, pages: 2, stride: 512);
        Assert.Equal(Errno.None, scene.Fill(context, FillKind.Copy, pages: 512).Error);
        Assert.Equal(Errno.EEXIST, scene.Fill(context, FillKind.Copy, page: 512, pages: 512).Error);
    }

    [Theory]
    [InlineData(true, false, 0x800, Errno.None)]
    [InlineData(false, false, 0x800, Errno.EPERM)]
    [InlineData(false, false, 0x801, Errno.None)]
    [InlineData(false, true, 0x800, Errno.None)]
    [InlineData(true, false, 0x802, Errno.EINVAL)]
    [InlineData(false, false, 0x802, Errno.EPERM)]
    [InlineData(false, false, 0x803, Errno.EINVAL)]
    public void Catching_faults_of_system_calls_is_a_privilege(bool privileged, bool sysctl, int flags, Errno expected) =>
        Assert.Equal(expected, UserfaultContext.CheckOpen(
            KernelProfile.Linux618 with { Privileged = privileged, UnprivilegedUserfaultfd = sysctl }, (ulong)flags));

    [Theory]
    [InlineData(true, Errno.None)]
    [InlineData(false, Errno.EPERM)]
    public void EVENT_FORK_is_a_privilege_whatever_the_sysctl_says(bool privileged, Errno expected)
    {
        using Scene scene = new(KernelProfile.Linux618 with { Privileged = privileged, UnprivilegedUserfaultfd = true });
        UserfaultContext context = scene.Kernel.Attach(new UserfaultContext(scene.Mm, UffdOpenFlags.NonBlock));
        UffdioApi asked = new() { Api = Uffd.ApiMagic, Features = (ulong)UffdFeatures.EventFork };
        Handshake handshake = scene.Kernel.Run(new Handshake(scene.Main, context, asked));
        Assert.Equal(expected, handshake.Error);
        Assert.Equal(expected == Errno.None ? Uffd.ApiMagic : 0, handshake.Result.Api);
    }

    [Fact]
    public void A_page_of_1_GiB_is_one_page_for_everything()
    {
        using Scene scene = new(giantPages: 4);
        MemoryFile file = scene.NewFile(new Hugetlb(PageSize.GiantShift), 3);
        scene.Map(3, file);
        UserfaultContext context = scene.Open();
        Register register = scene.Register(context, RegisterModes.All, pages: 3, stride: GiantStride);
        Assert.Equal((Errno.None, (UffdIoctls)0x1CC), (register.Error, register.Ioctls));

        // Touched in the middle, the message names the start; and a WAKE of the piece that was touched wakes nobody.
        Access access = scene.Touch(scene.Thread(1), 1000);
        Assert.Equal(Scene.Base, access.MessageAddress);
        _ = scene.Wake(context, 1000);
        Assert.False(access.IsFinished);

        Assert.Equal(Errno.EINVAL, scene.Fill(context, FillKind.Copy, pages: 512).Error);
        Fill copy = scene.Fill(context, FillKind.Copy, pages: GiantStride);
        Assert.Equal((Errno.None, 1L << 30), (copy.Error, copy.Out));
        Assert.Equal((AccessOutcome.Ok, 7ul), (access.Outcome, access.Value));
        Assert.Equal(Errno.EEXIST, scene.Fill(context, FillKind.Copy, pages: GiantStride).Error);
    }

    [Fact]
    public void A_page_of_1_GiB_is_continued_protected_poisoned_and_punched_as_a_whole()
    {
        using Scene scene = new(giantPages: 4);
        MemoryFile file = scene.NewFile(new Hugetlb(PageSize.GiantShift), 3);
        scene.Map(3, file);
        _ = scene.Kernel.Run(new WriteFile(scene.Main, file, PageSize.Giant, 5));
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.All, pages: 3, stride: GiantStride);

        Assert.Equal(Errno.EFAULT, scene.Fill(context, FillKind.Continue, pages: GiantStride).Error);
        Assert.Equal(Errno.None, scene.Fill(context, FillKind.Continue, page: GiantStride, pages: GiantStride).Error);
        Assert.Equal(Errno.EINVAL, scene.Protect(context, WriteProtectModes.Protect, page: GiantStride, pages: 512));
        Assert.Equal(Errno.None, scene.Protect(context, WriteProtectModes.Protect, page: GiantStride, pages: GiantStride));
        Assert.Equal(FaultFlags.Write | FaultFlags.Wp, scene.Touch(scene.Thread(1), GiantStride + 7, AccessKind.Write).Flags);
        Assert.Equal(Errno.None, scene.Fill(context, FillKind.Poison, page: 2 * GiantStride, pages: GiantStride).Error);
        Assert.Equal(AccessOutcome.SigBus, scene.Touch(scene.Thread(2), (2 * GiantStride) + 7).Outcome);

        Assert.Equal(Errno.None, scene.Kernel.Run(new PunchHole(scene.Main, file, PageSize.Giant, PageSize.Giant)).Error);
        Assert.Equal(EntryKind.WpMarker, scene.EntryAt(GiantStride).Kind);
        Assert.Equal(0, scene.Machine.GiantFolios.InUse);
    }

    [Fact]
    public void A_range_that_cuts_a_page_of_1_GiB_cannot_be_registered()
    {
        using Scene scene = new(giantPages: 4);
        scene.Map(2, scene.NewFile(new Hugetlb(PageSize.GiantShift), 2));
        UserfaultContext context = scene.Open();
        Assert.Equal(Errno.EINVAL, scene.Register(context, RegisterModes.Missing, first: 512, pages: 512).Error);
        Assert.Equal(Errno.EINVAL, scene.Register(context, RegisterModes.Missing, pages: 512).Error);
        Assert.Equal(Errno.None, scene.Register(context, RegisterModes.Missing, pages: GiantStride).Error);
    }

    [Fact]
    public void Huge_pages_have_two_sizes() => _ = Assert.Throws<ArgumentOutOfRangeException>(() => new Hugetlb(22));
}
