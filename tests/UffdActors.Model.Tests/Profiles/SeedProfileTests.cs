using UffdActors.Abi;
using UffdActors.Model.Backends;
using UffdActors.Model.Backends.Designs;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Files;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Tests.Profiles;

/// <summary>The seed's operations table, point by point (SEMANTICS 7.2). SEMANTICS 7.2.8 is in <see cref="ModuleTableTests"/>.</summary>
public class SeedProfileTests
{
    private const RegisterModes M = RegisterModes.Missing;
    private const RegisterModes W = RegisterModes.WriteProtect;
    private const RegisterModes I = RegisterModes.Minor;

    [Fact]
    public void A_droppable_mapping_is_refused_before_everything()
    {
        using Scene scene = new(KernelProfile.Seed);
        MapRequest droppable = new(Prot.ReadWrite, Droppable: true);
        Assert.Equal(Errno.None, scene.Kernel.Run(new MapMemory(scene.Main, Scene.Base, 4 * Scene.Page, droppable)).Error);

        Assert.Equal(Errno.EINVAL, scene.Register(scene.Open(), M).Error);
        Assert.Equal(Errno.EINVAL, scene.Register(scene.Open(UffdFeatures.WpAsync), W).Error);
    }

    [Fact]
    public void Memory_without_marker_support_cannot_have_WP_not_even_asynchronously()
    {
        using Scene scene = new(KernelProfile.Seed);
        scene.Map(4, scene.NewFile(new NoMarkers(), 4));

        Assert.Equal(Errno.EINVAL, scene.Register(scene.Open(UffdFeatures.WpAsync), W).Error);
        Assert.Equal(Errno.None, scene.Register(scene.Open(), M).Error);
    }

    [Fact]
    public void Asynchronous_write_protection_is_there_for_any_memory_but_alone()
    {
        using Scene scene = new(KernelProfile.Seed);
        scene.Map(4, scene.NewFile(new PlainFile(), 4));
        UserfaultContext context = scene.Open(UffdFeatures.WpAsync);

        Assert.Equal(Errno.EINVAL, scene.Register(context, M | W).Error);
        Assert.Equal(Errno.None, scene.Register(context, W).Error);
    }

    [Fact]
    public void Anonymous_memory_takes_MISSING_and_WP_and_nothing_else()
    {
        foreach (RegisterModes modes in AllModes())
        {
            using Scene scene = new(KernelProfile.Seed);
            scene.Map(4);
            Assert.Equal((modes & I) == 0, scene.Register(scene.Open(), modes).Error == Errno.None);
        }
    }

    [Fact]
    public void A_table_takes_the_subsets_of_its_Features_whether_shared_or_not()
    {
        foreach (RegisterModes features in AllModes())
        {
            foreach (RegisterModes modes in AllModes())
            {
                foreach (bool shared in new[] { true, false })
                {
                    using Scene scene = new(KernelProfile.Seed);
                    scene.Map(4, scene.NewFile(new ProbeModule { Features = features }, 4), shared);
                    Errno expected = (modes & ~features) == 0 ? Errno.None : Errno.EINVAL;
                    Assert.Equal(expected, scene.Register(scene.Open(), modes).Error);
                }
            }
        }
    }

    [Fact]
    public void Memory_without_a_table_is_refused()
    {
        using Scene scene = new(KernelProfile.Seed);
        scene.Map(4, scene.NewFile(new PlainFile(), 4));
        foreach (RegisterModes modes in AllModes()) Assert.Equal(Errno.EINVAL, scene.Register(scene.Open(), modes).Error);
    }

    [Fact]
    public void REGISTER_reports_the_legacy_mask_and_an_advertised_ioctl_may_be_refused()
    {
        using Scene scene = new(KernelProfile.Seed);
        scene.Map(4, scene.NewFile(new GuestMemfd(), 4));
        UserfaultContext context = scene.Open();

        Register register = scene.Register(context, I);

        Assert.Equal((UffdIoctls)0x1BC, register.Ioctls);
        Assert.Equal((Errno.EINVAL, -(long)Errno.EINVAL), Result(scene.Fill(context, FillKind.Copy)));
    }

    [Fact]
    public void A_fill_whose_bit_is_not_in_Ioctls_gives_EINVAL_before_anything_is_touched()
    {
        foreach ((FillKind kind, UffdIoctls bit) in Bits())
        {
            ProbeModule module = new() { Ioctls = UffdIoctls.OfRange & ~bit };
            using Scene scene = new(KernelProfile.Seed);
            MemoryFile file = scene.NewFile(module, 4);
            scene.Map(4, file);
            UserfaultContext context = scene.Open();
            _ = scene.Register(context, M | W | I);

            Assert.Equal((Errno.EINVAL, -(long)Errno.EINVAL), Result(scene.Fill(context, kind)));
            Assert.Equal((0, 0, 0L), (module.Lookups, module.Copies.Count, scene.Machine.BaseFolios.InUse));
            foreach ((FillKind other, _) in Bits()
                .Where(b => b.Kind != kind)) Assert.NotEqual(Errno.EINVAL, scene.Fill(context, other, page: 1).Error);
        }
    }

    [Fact]
    public void A_fill_with_WP_needs_WP_on_the_mapping()
    {
        foreach (bool withWp in new[] { true, false })
        {
            using Scene scene = new(KernelProfile.Seed);
            scene.Map(4, scene.NewFile(new Shmem(), 4));
            UserfaultContext context = scene.Open();
            _ = scene.Register(context, withWp ? M | W : M);
            Assert.Equal(withWp ? Errno.None : Errno.EINVAL, scene.Fill(context, FillKind.Copy, modes: FillModes.WriteProtect).Error);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void CONTINUE_needs_a_shared_mapping_where_6_18_does_not(bool huge)
    {
        foreach (KernelProfile profile in new[] { KernelProfile.Seed, KernelProfile.Linux618 })
        {
            foreach (bool shared in new[] { true, false })
            {
                using Scene scene = new(profile);
                MemoryModule module = huge ? new Hugetlb() : new Shmem();
                MemoryFile file = scene.NewFile(module, 2);
                scene.Map(2, file, shared);
                _ = scene.Kernel.Run(new WriteFile(scene.Main, file, 0, 5));
                UserfaultContext context = scene.Open();
                long stride = huge ? 512 : 1;
                Assert.Equal(Errno.None, scene.Register(context, I, pages: 2, stride: stride).Error);

                Errno expected = !shared && profile == KernelProfile.Seed ? Errno.EINVAL : Errno.None;
                Assert.Equal(expected, scene.Fill(context, FillKind.Continue, pages: stride).Error);
            }
        }
    }

    [Fact]
    public void A_MINOR_fault_on_a_private_mapping_can_be_resolved_by_COPY_only()
    {
        using Scene scene = new(KernelProfile.Seed);
        MemoryFile file = scene.NewFile(new Shmem(), 4);
        scene.Map(4, file, shared: false);
        _ = scene.Kernel.Run(new WriteFile(scene.Main, file, 0, 5));
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, I);
        Access access = scene.Touch(scene.Thread(1), 0);
        Assert.Equal(FaultFlags.Minor, access.Flags);

        Assert.Equal(Errno.EINVAL, scene.Fill(context, FillKind.Continue).Error);
        Assert.Equal(Errno.None, scene.Fill(context, FillKind.Copy).Error);
        Assert.Equal((AccessOutcome.Ok, 7ul), (access.Outcome, access.Value));
    }

    [Fact]
    public void WRITEPROTECT_and_POISON_do_not_call_the_table()
    {
        ProbeModule module = new() { Ioctls = UffdIoctls.Poison };
        using Scene scene = new(KernelProfile.Seed);
        scene.Map(4, scene.NewFile(module, 4));
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, W);

        // The bit for WRITEPROTECT is not even there.
        Assert.Equal(Errno.None, scene.Protect(context, WriteProtectModes.Protect));
        Assert.Equal(Errno.None, scene.Fill(context, FillKind.Poison, page: 1).Error);
        Assert.Equal(Errno.None, scene.Wake(context, 0));

        Assert.Equal((EntryKind.WpMarker, EntryKind.Poison), (scene.EntryAt(0).Kind, scene.EntryAt(1).Kind));
        Assert.Equal((0, 0), (module.Lookups, module.Copies.Count));
    }

    [Fact]
    public void Copy_is_called_for_shared_mappings_only()
    {
        foreach (bool shared in new[] { true, false })
        {
            ProbeModule module = new();
            using Scene scene = new(KernelProfile.Seed);
            MemoryFile file = scene.NewFile(module, 4);
            scene.Map(4, file, shared);
            UserfaultContext context = scene.Open();
            _ = scene.Register(context, M);

            Assert.Equal(Errno.None, scene.Fill(context, FillKind.Copy).Error);
            Assert.Equal(Errno.None, scene.Fill(context, FillKind.ZeroPage, page: 1).Error);

            Assert.Equal(shared ? 2 : 0, module.Copies.Count);
            Assert.Equal(shared, file.SlotAt(0).IsPresent);
            Assert.Equal(shared ? EntryKind.File : EntryKind.Anon, scene.EntryAt(0).Kind);
        }
    }

    [Fact]
    public void Not_enough_with_a_folio_makes_core_copy_and_call_again_with_the_whole_request()
    {
        ProbeModule module = new();
        using Scene scene = ShapedScene(module, out UserfaultContext context, out ulong source);

        Fill fill = CopyFrom(scene, context, source, FillModes.WriteProtect);

        Assert.Equal((Errno.None, 4096L), Result(fill));
        Assert.Equal([false, true], module.Copies);
        Assert.Equal((Scene.At(1), FillSource.User(source), FillModes.WriteProtect, 1L),
            (PageSize.AddressOf(module.LastCopy.Page), module.LastCopy.Source, module.LastCopy.Modes, module.LastCopy.FileIndex));
        Assert.True(scene.EntryAt(1).IsWp);
        Assert.Equal(33ul, scene.Touch(scene.Thread(1), 1).Value);
    }

    [Fact]
    public void Core_frees_the_folio_when_the_second_call_fails()
    {
        using Scene scene = ShapedScene(new ProbeModule { SecondCopy = Errno.EIO }, out UserfaultContext context, out ulong source);
        long before = scene.Machine.BaseFolios.InUse;

        Assert.Equal((Errno.EIO, -(long)Errno.EIO), Result(CopyFrom(scene, context, source)));

        Assert.Equal(before, scene.Machine.BaseFolios.InUse);
    }

    [Fact]
    public void Core_frees_the_folio_when_the_source_cannot_be_read()
    {
        using Scene scene = ShapedScene(new ProbeModule(), out UserfaultContext context, out ulong source);
        long before = scene.Machine.BaseFolios.InUse;

        Assert.Equal((Errno.EFAULT, -(long)Errno.EFAULT), Result(CopyFrom(scene, context, source + (64 * Scene.Page))));

        Assert.Equal(before, scene.Machine.BaseFolios.InUse);
    }

    [Fact]
    public void Core_frees_the_folio_when_another_page_was_faster()
    {
        using Scene scene = ShapedScene(new ProbeModule(), out UserfaultContext context, out ulong source);
        _ = scene.Fill(context, FillKind.Copy, page: 1);
        long before = scene.Machine.BaseFolios.InUse;

        Assert.Equal((Errno.EEXIST, -(long)Errno.EEXIST), Result(CopyFrom(scene, context, source)));

        Assert.Equal(before, scene.Machine.BaseFolios.InUse);
    }

    [Theory]
    [InlineData(Errno.ENOENT, Errno.EFAULT)]
    [InlineData(Errno.EINVAL, Errno.EINVAL)]
    [InlineData(Errno.EIO, Errno.EIO)]
    public void Only_not_found_is_turned_into_EFAULT(Errno lookup, Errno expected)
    {
        using Scene scene = new(KernelProfile.Seed);
        scene.Map(4, scene.NewFile(new ProbeModule { Lookup = lookup }, 4));
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, I);

        Assert.Equal((expected, -(long)expected), Result(scene.Fill(context, FillKind.Continue)));
    }

    [Fact]
    public void Success_without_a_folio_is_EFAULT_even_if_the_page_is_there()
    {
        using Scene scene = new(KernelProfile.Seed);
        MemoryFile file = scene.NewFile(new ProbeModule { FindsNothing = true, Lookup = Errno.None }, 4);
        scene.Map(4, file);
        _ = file.EnsurePage(0);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, I);

        Assert.Equal(Errno.EFAULT, scene.Fill(context, FillKind.Continue).Error);
    }

    [Fact]
    public void CONTINUE_beyond_the_end_of_the_file_is_EINVAL_and_over_a_hole_allocates_nothing()
    {
        foreach (MemoryModule module in new MemoryModule[] { new Shmem(), new GuestMemfd() })
        {
            using Scene scene = new(KernelProfile.Seed);
            scene.Map(4, scene.NewFile(module, 2));
            UserfaultContext context = scene.Open();
            _ = scene.Register(context, I);

            Assert.Equal(Errno.EFAULT, scene.Fill(context, FillKind.Continue).Error);
            Assert.Equal(Errno.EINVAL, scene.Fill(context, FillKind.Continue, page: 2).Error);
            Assert.Equal(0, scene.Machine.BaseFolios.InUse);
        }
    }

    [Fact]
    public void Hugetlbs_hooks_are_never_called_and_its_missing_bit_refuses_ZEROPAGE()
    {
        // The hooks throw.
        using Scene scene = new(KernelProfile.Seed);
        MemoryFile file = scene.NewFile(new Hugetlb(), 3);
        scene.Map(3, file);
        UserfaultContext context = scene.Open();
        Assert.Equal(Errno.None, scene.Register(context, M | W | I, pages: 3, stride: 512).Error);
        _ = scene.Kernel.Run(new WriteFile(scene.Main, file, 2 * PageSize.Huge, 5));

        Assert.Equal((Errno.EINVAL, -(long)Errno.EINVAL), Result(scene.Fill(context, FillKind.ZeroPage, pages: 512)));
        Assert.Equal(Errno.None, scene.Fill(context, FillKind.Copy, pages: 512).Error);
        Assert.Equal(Errno.None, scene.Fill(context, FillKind.Poison, page: 512, pages: 512).Error);
        Assert.Equal(Errno.None, scene.Fill(context, FillKind.Continue, page: 1024, pages: 512).Error);
    }

    [Fact]
    public void A_bit_without_its_hook_is_EINVAL_and_one_warning()
    {
        using Scene scene = new(KernelProfile.Seed);
        scene.Map(4, scene.NewFile(new ProbeModule { HasCopy = false, HasGetFolio = false }, 4));
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, M | I);
        List<string> warnings = [];
        scene.Machine.Warned = warnings.Add;

        for (int i = 0; i < 2; i++)
        {
            Assert.Equal((Errno.EINVAL, -(long)Errno.EINVAL), Result(scene.Fill(context, FillKind.Copy)));
            Assert.Equal((Errno.EINVAL, -(long)Errno.EINVAL), Result(scene.Fill(context, FillKind.Continue)));
        }

        Assert.Equal(2, warnings.Count);
        Assert.Contains(warnings, w => w.Contains("Copy", StringComparison.Ordinal));
        Assert.Contains(warnings, w => w.Contains("GetFolio", StringComparison.Ordinal));
    }

    [Fact]
    public void Every_design_raises_the_same_faults_and_all_but_the_merged_one_leave_the_check_to_the_backend()
    {
        foreach (OpsShape shape in Enum.GetValues<OpsShape>())
        {
            using Scene scene = new(KernelProfile.Seed with { Shape = shape });
            MemoryFile file = scene.NewFile(new Shmem(), 4);
            scene.Map(4, file);
            _ = scene.Kernel.Run(new WriteFile(scene.Main, file, 0, 5));
            UserfaultContext context = scene.Open();
            Assert.Equal(Errno.None, scene.Register(context, M | W | I).Error);

            Assert.Equal(FaultFlags.Minor, scene.Touch(scene.Thread(1), 0).Flags);
            Assert.Equal(FaultFlags.Write, scene.Touch(scene.Thread(2), 1, AccessKind.Write).Flags);

            OpsDesign design = OpsDesign.Of(shape);
            bool writesCheck = design.MembersOf(file.Module).Any(m => m.StartsWith("userfault check", StringComparison.Ordinal));
            Assert.Equal(shape is not (OpsShape.Merged or OpsShape.BuiltIn), writesCheck);
        }
    }

    [Fact]
    public void Guest_memfd_has_MINOR_and_CONTINUE_and_one_hook()
    {
        IVmUffdOps ops = new GuestMemfd().Ops;
        Assert.Equal((RegisterModes.Minor, UffdIoctls.Continue, true, false), (ops.Features, ops.Ioctls, ops.HasGetFolio, ops.HasCopy));

        foreach (RegisterModes modes in AllModes())
        {
            using Scene scene = new(KernelProfile.Seed);
            scene.Map(4, scene.NewFile(new GuestMemfd(), 4));
            Assert.Equal(modes == I ? Errno.None : Errno.EINVAL, scene.Register(scene.Open(), modes).Error);
        }
    }

    [Fact]
    public void A_hole_of_guest_memfd_under_MINOR_is_filled_with_zeros_silently_and_an_allocated_page_is_not()
    {
        using Scene scene = new(KernelProfile.Seed);
        MemoryFile file = scene.NewFile(new GuestMemfd(), 4);
        scene.Map(4, file);
        Assert.Equal(Errno.None, scene.Kernel.Run(new AllocateFile(scene.Main, file, 0, 4096, keepSize: true)).Error);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, I);

        Assert.Equal(AccessOutcome.Ok, scene.Touch(scene.Thread(1), 1).Outcome);
        Access minor = scene.Touch(scene.Thread(2), 0);
        Assert.False(minor.IsFinished);
        Assert.Equal(Errno.None, scene.Fill(context, FillKind.Continue).Error);
        Assert.True(minor.IsFinished);
    }

    private static IEnumerable<RegisterModes> AllModes() => Enumerable.Range(1, 7).Select(m => (RegisterModes)m);

    private static (FillKind Kind, UffdIoctls Bit)[] Bits() =>
    [
        (FillKind.Copy, UffdIoctls.Copy),
        (FillKind.ZeroPage, UffdIoctls.ZeroPage),
        (FillKind.Continue, UffdIoctls.Continue),
        (FillKind.Poison, UffdIoctls.Poison),
    ];

    private static (Errno Error, long? Out) Result(Fill fill) => (fill.Error, fill.Out);

    private static Scene ShapedScene(ProbeModule module, out UserfaultContext context, out ulong source)
    {
        Scene scene = new(KernelProfile.Seed);
        scene.Map(4, scene.NewFile(module, 4));
        source = Scene.At(64);
        scene.Map(1, address: source);
        _ = scene.Touch(scene.Main, 64, AccessKind.Write, 33);
        context = scene.Open();
        _ = scene.Register(context, M | W);
        return scene;
    }

    private static Fill CopyFrom(Scene scene, UserfaultContext context, ulong source, FillModes modes = FillModes.None)
    {
        Fill fill = new(scene.Main);
        fill.Begin(context, FillKind.Copy, Scene.At(1), Scene.Page, FillSource.User(source), modes);
        return scene.Kernel.Run(fill);
    }

    private sealed class NoMarkers : MemoryModule
    {
        public override string Name => "no-markers";

        public override bool SupportsWpMarkers => false;

        public override IVmUffdOps Ops { get; } = new ProbeModule();
    }
}
