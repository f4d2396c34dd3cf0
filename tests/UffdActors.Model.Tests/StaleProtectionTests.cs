using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Tests;

/// <summary>
/// Pages that became writable while W was not registered keep their bit (SEMANTICS 4.6.3). What has no recording: fork and swap. The
/// recordings of the rest are <c>tests/Data/linux-6.18/found</c>.
/// </summary>
public class StaleProtectionTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_fork_ends_it_for_private_pages_and_keeps_it_for_shared_ones(bool shared)
    {
        using Scene scene = new();
        Caller thread = scene.Thread(1);
        UserfaultContext context = MakeWritable(scene, shared);

        using AddressSpace child = scene.Kernel.Run(new ForkProcess(scene.Thread(2), 1)).Child!;

        Assert.Equal((true, shared), (scene.EntryAt(0).IsWp, scene.EntryAt(0).IsWritableWp));
        Access write = scene.Touch(thread, 0, AccessKind.Write, 9);
        Assert.Equal(shared, write.IsFinished);
        Assert.Equal(shared ? 0 : 1, context.Total);
        // Without EVENT_FORK the child's pages have no bit.
        Assert.False(child.EntryAt((long)(Scene.Base / Scene.Page)).IsWp);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public void A_page_that_is_swapped_in_without_W_is_writable(bool comesBackWithoutW, bool passes)
    {
        using Scene scene = new(KernelProfile.Linux618 with { Swap = true });
        Caller thread = scene.Thread(1);
        scene.Map(1);
        UserfaultContext context = Protect(scene);
        _ = scene.Register(context, RegisterModes.Missing, pages: 1);
        AdviseMemory pageOut = new(scene.Main, Scene.Base, Scene.Page, Advice.PageOut);
        Assert.Equal(Errno.None, scene.Kernel.Run(pageOut).Error);
        Assert.True(scene.EntryAt(0).IsSwapped);

        if (comesBackWithoutW) _ = scene.Touch(thread, 0);
        _ = scene.Register(context, RegisterModes.Missing | RegisterModes.WriteProtect, pages: 1);

        Assert.Equal(passes, scene.Touch(thread, 0, AccessKind.Write, 9).IsFinished);
        Assert.True(scene.EntryAt(0).IsWp);
    }

    [Fact]
    public void Setting_and_clearing_end_it()
    {
        using Scene scene = new();
        Caller thread = scene.Thread(1);
        UserfaultContext context = MakeWritable(scene, shared: true);

        Assert.Equal(Errno.None, scene.Protect(context, WriteProtectModes.Protect));

        Assert.False(scene.Touch(thread, 0, AccessKind.Write, 9).IsFinished);
        Assert.Equal(Errno.None, scene.Protect(context, WriteProtectModes.Clear));
        Assert.Equal((false, false), (scene.EntryAt(0).IsWp, scene.EntryAt(0).IsWritableWp));
    }

    // A page with the bit that a write has got past, in a mapping in which W is registered again.
    private static UserfaultContext MakeWritable(Scene scene, bool shared)
    {
        scene.Map(1, shared ? scene.NewFile(new Shmem(), 1) : null);
        UserfaultContext context = Protect(scene);
        _ = scene.Register(context, RegisterModes.Missing, pages: 1);
        Assert.True(scene.Touch(scene.Main, 0, AccessKind.Write, 8).IsFinished);
        _ = scene.Register(context, RegisterModes.Missing | RegisterModes.WriteProtect, pages: 1);
        Assert.True(scene.EntryAt(0) is { IsWp: true, IsWritableWp: true });
        return context;
    }

    private static UserfaultContext Protect(Scene scene)
    {
        _ = scene.Touch(scene.Main, 0, AccessKind.Write, 7);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.WriteProtect, pages: 1);
        Assert.Equal(Errno.None, scene.Protect(context, WriteProtectModes.Protect));
        return context;
    }
}
