using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Files;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Tests.Profiles;

/// <summary>guest_memfd as measured on 6.18 (SEMANTICS 7.4).</summary>
public class GuestMemfdTests
{
    [Theory]
    [InlineData(4096, 0, Errno.None)]
    [InlineData(4096, 1, Errno.None)]
    [InlineData(4096, 2, Errno.None)]
    [InlineData(4096, 3, Errno.None)]
    [InlineData(4096, 4, Errno.EINVAL)]
    [InlineData(4096, 7, Errno.EINVAL)]
    [InlineData(0, 3, Errno.EINVAL)]
    [InlineData(4097, 3, Errno.EINVAL)]
    public void Creation_takes_flags_0_to_3_and_whole_pages(long bytes, int flags, Errno expected)
    {
        Assert.Equal(expected, GuestMemfd.CheckCreate(bytes, (GuestMemfdFlags)flags));
        using Scene scene = new();
        if (expected != Errno.None)
            _ = Assert.Throws<ArgumentException>(() => new GuestMemfd().CreateFile(scene.Machine, bytes, (GuestMemfdFlags)flags));
    }

    [Theory]
    [InlineData(GuestMemfdFlags.None, true, Errno.ENODEV)]
    [InlineData(GuestMemfdFlags.InitShared, true, Errno.ENODEV)]
    [InlineData(GuestMemfdFlags.None, false, Errno.ENODEV)]
    [InlineData(GuestMemfdFlags.Mmap, true, Errno.None)]
    [InlineData(GuestMemfdFlags.Shared, true, Errno.None)]
    [InlineData(GuestMemfdFlags.Shared, false, Errno.EINVAL)]
    internal void Mapping_needs_the_MMAP_flag_and_MAP_SHARED(GuestMemfdFlags flags, bool shared, Errno expected)
    {
        using Scene scene = Of(flags, out MemoryFile file);
        Assert.Equal(expected, scene.TryMap(4, file, shared));
    }

    [Fact]
    public void Mapping_beyond_the_end_is_allowed_and_touching_it_is_SIGBUS()
    {
        using Scene scene = Of(GuestMemfdFlags.Shared, out MemoryFile file);
        scene.Map(8, file);
        Access beyond = scene.Touch(scene.Thread(1), 4);
        Assert.Equal((AccessOutcome.SigBus, 2), (beyond.Outcome, beyond.SignalCode));
    }

    [Theory]
    [InlineData(AccessKind.Read, AccessOutcome.SigBus)]
    [InlineData(AccessKind.Write, AccessOutcome.SigBus)]
    [InlineData(AccessKind.Read | AccessKind.Kernel, AccessOutcome.Fault)]
    [InlineData(AccessKind.Write | AccessKind.Kernel, AccessOutcome.Fault)]
    internal void Memory_that_is_not_shared_cannot_be_touched(AccessKind kind, AccessOutcome expected)
    {
        using Scene scene = Of(GuestMemfdFlags.Mmap, out MemoryFile file);
        scene.Map(4, file);
        _ = scene.Kernel.Run(new AllocateFile(scene.Main, file, 0, 4096, keepSize: true));
        Assert.Equal(expected, scene.Touch(scene.Thread(1), 0, kind).Outcome);
        Assert.Equal(expected, scene.Touch(scene.Thread(1), 1, kind).Outcome);
    }

    [Fact]
    public void Shared_memory_is_filled_with_zeros_on_demand()
    {
        using Scene scene = Of(GuestMemfdFlags.Shared, out MemoryFile file);
        scene.Map(4, file);
        Access access = scene.Touch(scene.Thread(1), 0);
        Assert.Equal((AccessOutcome.Ok, 0ul), (access.Outcome, access.Value));
    }

    [Fact]
    public void Of_the_file_calls_only_allocating_and_punching_inside_the_size_are_allowed()
    {
        using Scene scene = Of(GuestMemfdFlags.Shared, out MemoryFile file);
        Assert.Equal(Errno.EINVAL, scene.Kernel.Run(new TruncateFile(scene.Main, file, 8192)).Error);
        Assert.Equal(Errno.EINVAL, scene.Kernel.Run(new WriteFile(scene.Main, file, 0, 1)).Error);
        Assert.Equal(Errno.EOPNOTSUPP, scene.Kernel.Run(new AllocateFile(scene.Main, file, 0, 4096)).Error);
        Assert.Equal(Errno.None, scene.Kernel.Run(new AllocateFile(scene.Main, file, 0, 4096, keepSize: true)).Error);
        Assert.True(file.SlotAt(0).IsPresent);
        Assert.Equal(Errno.None, scene.Kernel.Run(new PunchHole(scene.Main, file, 0, 4096)).Error);
        Assert.False(file.SlotAt(0).IsPresent);
        Assert.Equal(4 * 4096, file.Bytes);
    }

    [Theory]
    [InlineData(Advice.DontNeed, 9ul)]
    [InlineData(Advice.Remove, 0ul)]
    public void DONTNEED_keeps_the_content_and_REMOVE_drops_it(Advice advice, ulong expected)
    {
        using Scene scene = Of(GuestMemfdFlags.Shared, out MemoryFile file);
        scene.Map(4, file);
        _ = scene.Touch(scene.Main, 0, AccessKind.Write, 9);
        Assert.Equal(Errno.None, scene.Kernel.Run(new AdviseMemory(scene.Main, Scene.Base, Scene.Page, advice)).Error);
        Assert.Equal(expected, scene.Touch(scene.Main, 0).Value);
    }

    [Fact]
    public void Only_WP_alone_and_only_asynchronous_can_be_registered_and_no_fill_works_there()
    {
        using Scene scene = Of(GuestMemfdFlags.Shared, out MemoryFile file);
        scene.Map(4, file);
        for (int modes = 1; modes <= 7; modes++)
        {
            Assert.Equal(Errno.EINVAL, scene.Register(scene.Open(), (RegisterModes)modes).Error);
            if ((RegisterModes)modes != RegisterModes.WriteProtect)
                Assert.Equal(Errno.EINVAL, scene.Register(scene.Open(UffdFeatures.WpAsync), (RegisterModes)modes).Error);
        }

        AssertTracksWrites(scene);
    }

    [Fact]
    public void The_same_holds_for_an_ordinary_file_shared_or_private()
    {
        foreach (bool shared in new[] { true, false })
        {
            using Scene scene = new();
            scene.Map(4, scene.NewFile(new PlainFile(), 4), shared);
            for (int modes = 1; modes <= 7; modes++) Assert.Equal(Errno.EINVAL, scene.Register(scene.Open(), (RegisterModes)modes).Error);
            AssertTracksWrites(scene);
        }
    }

    [Fact]
    public void An_ordinary_file_that_is_not_registered_cannot_be_unregistered_even_asynchronously()
    {
        using Scene scene = new();
        scene.Map(4, scene.NewFile(new PlainFile(), 4));
        UserfaultContext context = scene.Open(UffdFeatures.WpAsync);
        Unregister none = scene.Kernel.Run(new Unregister(scene.Main, context, Scene.Base, 4 * Scene.Page));
        Assert.Equal(Errno.EINVAL, none.Error);
        _ = scene.Register(context, RegisterModes.WriteProtect);
        Unregister some = scene.Kernel.Run(new Unregister(scene.Main, context, Scene.Base, 4 * Scene.Page));
        Assert.Equal(Errno.None, some.Error);
    }

    // A marker on an empty page, cleared by the write; a bit on a present page likewise; every fill EINVAL.
    private static void AssertTracksWrites(Scene scene)
    {
        UserfaultContext context = scene.Open(UffdFeatures.WpAsync);
        Register register = scene.Register(context, RegisterModes.WriteProtect);
        Assert.Equal((Errno.None, (UffdIoctls)0x17C), (register.Error, register.Ioctls));
        foreach (FillKind kind in Enum.GetValues<FillKind>())
        {
            Fill fill = scene.Fill(context, kind);
            Assert.Equal((Errno.EINVAL, -(long)Errno.EINVAL), (fill.Error, fill.Out));
        }

        Assert.Equal(Errno.None, scene.Protect(context, WriteProtectModes.Protect, pages: 2));
        Assert.Equal(EntryKind.WpMarker, scene.EntryAt(0).Kind);
        Assert.Equal(AccessOutcome.Ok, scene.Touch(scene.Thread(1), 0).Outcome);
        Assert.True(scene.EntryAt(0).IsWp);
        foreach (long page in new[] { 0L, 1L })
        {
            Assert.Equal(AccessOutcome.Ok, scene.Touch(scene.Thread(1), page, AccessKind.Write).Outcome);
            Assert.True(scene.EntryAt(page) is { IsPresent: true, IsWp: false });
        }

        Assert.Equal(Errno.None, scene.Protect(context, WriteProtectModes.Protect));
        Assert.Equal(Errno.None, scene.Protect(context, WriteProtectModes.Clear));
        Assert.False(scene.EntryAt(0).IsWp);
        Assert.Equal(0, context.Total);
    }

    private static Scene Of(GuestMemfdFlags flags, out MemoryFile file)
    {
        Scene scene = new();
        file = scene.Keep(new GuestMemfd().CreateFile(scene.Machine, 4 * PageSize.Base, flags));
        return scene;
    }
}
