using UffdActors.Abi;
using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Tests.Profiles;

/// <summary>What is different in Linux 7.1, with the merged table (SEMANTICS 7.3).</summary>
public class MergedProfileTests
{
    private static readonly KernelProfile[] Both = [KernelProfile.Linux618, KernelProfile.Linux71];

    [Fact]
    public void Shared_guest_memfd_takes_every_mode_and_every_fill()
    {
        for (int modes = 1; modes <= 7; modes++)
        {
            using Scene scene = GuestMemory(KernelProfile.Linux71, GuestMemfdFlags.Shared, out MemoryFile file);
            UserfaultContext context = scene.Open();
            Assert.Equal(Errno.None, scene.Register(context, (RegisterModes)modes).Error);
            _ = file.EnsurePage(2);

            Assert.Equal(Errno.None, scene.Fill(context, FillKind.Copy).Error);
            Assert.Equal(Errno.None, scene.Fill(context, FillKind.ZeroPage, page: 1).Error);
            Assert.Equal(Errno.None, scene.Fill(context, FillKind.Continue, page: 2).Error);
            Assert.Equal(Errno.None, scene.Fill(context, FillKind.Poison, page: 3).Error);
            bool wp = ((RegisterModes)modes & RegisterModes.WriteProtect) != 0;
            Assert.Equal(wp ? Errno.None : Errno.ENOENT, scene.Protect(context, WriteProtectModes.Protect));
        }
    }

    [Fact]
    public void A_missing_page_of_guest_memfd_is_reported_and_COPY_puts_it_into_the_cache()
    {
        using Scene scene = GuestMemory(KernelProfile.Linux71, GuestMemfdFlags.Shared, out MemoryFile file);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);
        Access access = scene.Touch(scene.Thread(1), 0);
        Assert.Equal(1, context.Pending);

        Assert.Equal(Errno.None, scene.Fill(context, FillKind.Copy).Error);

        Assert.Equal((AccessOutcome.Ok, 7ul), (access.Outcome, access.Value));
        Assert.True(file.SlotAt(0).IsPresent);
    }

    [Fact]
    public void A_minor_fault_of_guest_memfd_shows_what_was_written_through_the_other_mapping()
    {
        using Scene scene = GuestMemory(KernelProfile.Linux71, GuestMemfdFlags.Shared, out MemoryFile file);
        scene.Map(4, file, address: Scene.At(16));
        _ = scene.Touch(scene.Main, 16, AccessKind.Write, 9);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Minor);
        Access access = scene.Touch(scene.Thread(1), 0);
        Assert.Equal(FaultFlags.Minor, access.Flags);

        Assert.Equal(Errno.None, scene.Fill(context, FillKind.Continue).Error);

        Assert.Equal(9ul, access.Value);
    }

    [Fact]
    public void Guest_memfd_that_is_not_shared_takes_only_asynchronous_write_protection()
    {
        using Scene scene = GuestMemory(KernelProfile.Linux71, GuestMemfdFlags.Mmap, out _);
        for (int modes = 1; modes <= 7; modes++) Assert.Equal(Errno.EINVAL, scene.Register(scene.Open(), (RegisterModes)modes).Error);
        UserfaultContext asynchronous = scene.Open(UffdFeatures.WpAsync);
        Assert.Equal(Errno.None, scene.Register(asynchronous, RegisterModes.WriteProtect).Error);
        Assert.Equal(Errno.EINVAL, scene.Fill(asynchronous, FillKind.Copy).Error);
    }

    [Theory]
    [InlineData(FillKind.Copy, Errno.EFAULT, Errno.ENOMEM)]
    [InlineData(FillKind.ZeroPage, Errno.EFAULT, Errno.ENOMEM)]
    [InlineData(FillKind.Continue, Errno.EINVAL, Errno.EFAULT)]
    internal void Shared_memory_beyond_the_end_of_the_file_gives_another_error(FillKind kind, Errno before, Errno after)
    {
        foreach (KernelProfile profile in Both)
        {
            using Scene scene = new(profile);
            scene.Map(4, scene.NewFile(new Shmem(), 2));
            UserfaultContext context = scene.Open();
            _ = scene.Register(context, RegisterModes.All);

            Errno expected = profile == KernelProfile.Linux71 ? after : before;
            Fill fill = scene.Fill(context, kind, page: 2);
            Assert.Equal((expected, -(long)expected), (fill.Error, fill.Out));
            Assert.Equal(0, scene.Machine.BaseFolios.InUse);
        }
    }

    [Fact]
    public void Private_memory_beyond_the_end_of_the_file_gives_what_it_always_gave_but_for_CONTINUE()
    {
        foreach (KernelProfile profile in Both)
        {
            using Scene scene = new(profile);
            scene.Map(4, scene.NewFile(new Shmem(), 2), shared: false);
            UserfaultContext context = scene.Open();
            _ = scene.Register(context, RegisterModes.All);

            Assert.Equal(Errno.EFAULT, scene.Fill(context, FillKind.Copy, page: 2).Error);
            Assert.Equal(Errno.EFAULT, scene.Fill(context, FillKind.ZeroPage, page: 2).Error);
            // The lookup knows a file and an offset; it cannot tell a private mapping.
            Errno expected = profile == KernelProfile.Linux71 ? Errno.EFAULT : Errno.EINVAL;
            Assert.Equal(expected, scene.Fill(context, FillKind.Continue, page: 2).Error);
        }
    }

    [Theory]
    [InlineData(false, Errno.None)]
    [InlineData(true, Errno.EAGAIN)]
    public void A_COPY_whose_mapping_became_another_while_it_slept_on_its_source_gives_EAGAIN(bool merged, Errno expected)
    {
        using Scene scene = Asleep(merged, out UserfaultContext context, out Fill copy);

        // Shared memory of a file in the place of anonymous memory, registered like it was.
        MapRequest request = new(Prot.ReadWrite, scene.NewFile(new Shmem(), 4), Shared: true);
        Assert.Equal(Errno.None, scene.Kernel.Run(new MapMemory(scene.Main, Scene.Base, 4 * Scene.Page, request)).Error);
        Assert.Equal(Errno.None, scene.Register(context, RegisterModes.Missing).Error);
        _ = scene.Fill(context, FillKind.Copy, page: 64);

        Assert.True(copy.IsFinished);
        Assert.Equal(expected, copy.Error);
        Assert.Equal(expected == Errno.None ? 4096L : -(long)expected, copy.Out);
        Assert.Equal(expected == Errno.None, scene.EntryAt(0).IsPresent);
    }

    [Theory]
    [InlineData(false, Errno.None)]
    [InlineData(true, Errno.EAGAIN)]
    public void A_COPY_whose_mapping_got_other_modes_while_it_slept_gives_EAGAIN(bool merged, Errno expected)
    {
        using Scene scene = Asleep(merged, out UserfaultContext context, out Fill copy);

        _ = scene.Register(context, RegisterModes.Missing | RegisterModes.WriteProtect);
        _ = scene.Fill(context, FillKind.Copy, page: 64);

        Assert.Equal(expected, copy.Error);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_COPY_whose_mapping_is_only_split_while_it_slept_goes_on(bool merged)
    {
        using Scene scene = Asleep(merged, out UserfaultContext context, out Fill copy);

        _ = scene.Register(context, RegisterModes.Missing | RegisterModes.WriteProtect, first: 2, pages: 2);
        _ = scene.Fill(context, FillKind.Copy, page: 64);

        Assert.Equal((Errno.None, 4096L), (copy.Error, copy.Out));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_COPY_whose_mapping_is_no_longer_registered_gives_ENOENT_inBoth(bool merged)
    {
        using Scene scene = Asleep(merged, out UserfaultContext context, out Fill copy);

        _ = scene.Kernel.Run(new Unregister(scene.Main, context, Scene.Base, 4 * Scene.Page));
        _ = scene.Fill(context, FillKind.Copy, page: 64);

        Assert.Equal((Errno.ENOENT, -(long)Errno.ENOENT), (copy.Error, copy.Out));
    }

    [Fact]
    public void Memory_whose_table_has_no_lookup_cannot_be_registered()
    {
        using Scene scene = new(KernelProfile.Linux71);
        scene.Map(4, scene.NewFile(new ProbeModule { HasGetFolio = false, Features = RegisterModes.Missing }, 4));
        Assert.Equal(Errno.EINVAL, scene.Register(scene.Open(), RegisterModes.Missing).Error);
    }

    private static Scene GuestMemory(KernelProfile profile, GuestMemfdFlags flags, out MemoryFile file)
    {
        Scene scene = new(profile);
        file = scene.Keep(new GuestMemfd().CreateFile(scene.Machine, 4 * PageSize.Base, flags));
        scene.Map(4, file);
        return scene;
    }

    /// <summary>A COPY into page 0 that sleeps because its source, page 64, is missing itself.</summary>
    private static Scene Asleep(bool merged, out UserfaultContext context, out Fill copy)
    {
        Scene scene = new(merged ? KernelProfile.Linux71 : KernelProfile.Linux618);
        scene.Map(4);
        scene.Map(1, address: Scene.At(64));
        context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing);
        _ = scene.Register(context, RegisterModes.Missing, first: 64, pages: 1);
        copy = new Fill(scene.Thread(1));
        copy.Begin(context, FillKind.Copy, Scene.At(0), Scene.Page, FillSource.User(Scene.At(64)));
        _ = scene.Kernel.Run(copy);
        Assert.False(copy.IsFinished);
        return scene;
    }
}
