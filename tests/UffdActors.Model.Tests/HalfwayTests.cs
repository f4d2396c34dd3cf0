using UffdActors.Abi;
using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Tests;

/// <summary>
/// Calls that fail when a part of their work is done: that part stays. Each is recorded on a real kernel, too
/// (<c>tests/Data/linux-6.18/found</c>).
/// </summary>
public class HalfwayTests
{
    private const ulong Huge = PageSize.Huge;

    public static TheoryData<string> Calls => ["mmap", "munmap", "mprotect", "madvise", "mremap"];

    [Theory]
    [MemberData(nameof(Calls))]
    public void A_call_that_ends_inside_a_huge_page_gives_EINVAL_and_has_split_the_mapping_at_its_start(string call)
    {
        using Scene scene = new();
        scene.Map(2, scene.NewFile(new Hugetlb(), 2));

        Assert.Equal(Errno.EINVAL, Run(scene, call, Scene.Base + Huge, 2 * Scene.Page));

        Assert.Equal(
            [PageRange.OfBytes(Scene.Base, Huge), PageRange.OfBytes(Scene.Base + Huge, Huge)],
            RangesFrom(scene, Scene.Base));
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public void A_call_that_starts_inside_a_huge_page_gives_EINVAL_and_splits_nothing(string call)
    {
        using Scene scene = new();
        scene.Map(2, scene.NewFile(new Hugetlb(), 2));

        Assert.Equal(Errno.EINVAL, Run(scene, call, Scene.Base + Scene.Page, 2 * Scene.Page));

        Assert.Equal([PageRange.OfBytes(Scene.Base, 2 * Huge)], RangesFrom(scene, Scene.Base));
    }

    [Theory]
    [InlineData("mmap", 3)]
    [InlineData("munmap", 3)]
    [InlineData("mremap", 3)]
    [InlineData("mprotect", 3)]
    [InlineData("madvise", 3)]
    public void A_call_that_fails_behind_small_pages_has_split_or_changed_them(string call, int mappings)
    {
        using Scene scene = new();
        ulong small = Scene.Base - (4 * Scene.Page);
        scene.Map(4, address: small);
        scene.Map(1, scene.NewFile(new Hugetlb(), 1));

        Assert.Equal(Errno.EINVAL, Run(scene, call, small + (2 * Scene.Page), 4 * Scene.Page));

        Vma[] vmas = [.. scene.Mm.Map.Vmas.ToArray().Where(v => v.Range.Start >= PageSize.PageOf(small))];
        Assert.Equal(mappings, vmas.Length);
        Assert.Equal(PageSize.PageOf(small) + 2, vmas[1].Range.Start);
        Assert.Equal(call == "mprotect" ? Prot.Read : Prot.ReadWrite, vmas[1].Prot);
        Assert.Equal(call == "madvise", vmas[1].IsLeftOutOfForks);
        Assert.Equal(Prot.ReadWrite, vmas[2].Prot);
        Assert.False(vmas[2].IsLeftOutOfForks);
    }

    [Fact]
    public void Unmapping_that_failed_has_announced_what_is_still_there()
    {
        using Scene scene = new();
        ulong small = Scene.Base - (4 * Scene.Page);
        scene.Map(4, address: small);
        scene.Map(1, scene.NewFile(new Hugetlb(), 1));
        UserfaultContext context = scene.Open(UffdFeatures.EventUnmap);
        _ = scene.Register(context, RegisterModes.Missing, first: -4, pages: 4);

        UnmapMemory call = scene.Kernel.Run(new UnmapMemory(scene.Thread(1), small, 5 * Scene.Page));
        Assert.False(call.IsFinished);
        Assert.Equal(UffdEvent.Unmap, Assert.Single(scene.Read(context).Messages).Event);

        Assert.True(call.IsFinished);
        Assert.Equal(Errno.EINVAL, call.Error);
        Assert.NotNull(scene.Mm.Map.Find(PageSize.PageOf(small))?.Context);
    }

    [Fact]
    public void A_file_that_refuses_a_mapping_leaves_a_hole_where_something_was()
    {
        using Scene scene = new();
        scene.Map(1);

        Assert.Equal(Errno.EINVAL, scene.TryMap(1, scene.NewFile(new Hugetlb(), 1), offset: 1));

        Assert.Null(scene.Mm.Map.Find(PageSize.PageOf(Scene.Base)));
    }

    [Fact]
    public void What_is_left_out_of_forks_is_not_in_the_child_and_merges_with_no_other()
    {
        using Scene scene = new();
        scene.Map(4);
        _ = scene.Touch(scene.Thread(1), 1, AccessKind.Write);

        Assert.Equal(Errno.None, Run(scene, "madvise", Scene.At(1), Scene.Page));
        Assert.Equal(3, RangesFrom(scene, Scene.Base).Length);
        ForkProcess fork = scene.Kernel.Run(new ForkProcess(scene.Thread(2), 1));

        Assert.Equal(
            [PageSize.PageOf(Scene.Base), PageSize.PageOf(Scene.At(2))], fork.Child!.Map.Vmas.ToArray().Select(v => v.Range.Start));
        Assert.False(scene.Mm.EntryAt(PageSize.PageOf(Scene.At(1))).IsShared);
        Assert.Equal(Errno.None, scene.Kernel.Run(new AdviseFork(scene.Main, Scene.Base, 4 * Scene.Page, leaveOut: false)).Error);
        _ = Assert.Single(RangesFrom(scene, Scene.Base));
    }

    private static Errno Run(Scene scene, string call, ulong start, ulong length)
    {
        ulong source = Scene.Base + (8 * Huge);
        switch (call)
        {
            case "mmap":
                return scene.Kernel.Run(new MapMemory(scene.Main, start, length, new MapRequest(Prot.ReadWrite))).Error;
            case "munmap":
                return scene.Kernel.Run(new UnmapMemory(scene.Main, start, length)).Error;
            case "mprotect":
                return scene.Kernel.Run(new ProtectMemory(scene.Main, start, length, Prot.Read)).Error;
            case "madvise":
                return scene.Kernel.Run(new AdviseFork(scene.Main, start, length, leaveOut: true)).Error;
            default:
                scene.Map((long)(length / Scene.Page), address: source);
                RemapMemory move =
                    scene.Kernel.Run(new RemapMemory(scene.Main, source, length, length, RemapModes.MayMove | RemapModes.Fixed, start));
                _ = scene.Kernel.Run(new UnmapMemory(scene.Main, source, length));
                return move.Error;
        }
    }

    private static PageRange[] RangesFrom(Scene scene, ulong address) =>
        [.. scene.Mm.Map.Vmas.ToArray().Where(v => v.Range.Start >= PageSize.PageOf(address)).Select(v => v.Range)];
}
