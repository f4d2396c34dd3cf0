using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Tests;

/// <summary>The loader rejects a table that contradicts itself (SEMANTICS 7.2.7, 7.2.8).</summary>
public class ModuleTableTests
{
    [Theory]
    [InlineData(0, 0, true, true, "offers no mode")]
    [InlineData(1, 0, true, true, "MISSING and COPY")]
    [InlineData(0, 8, true, true, "offers no mode")]
    [InlineData(4, 8 | 0x80, true, true, "MISSING and COPY")]
    [InlineData(4, 0x10 | 0x80, true, true, "ZEROPAGE without MISSING")]
    [InlineData(4, 0, true, true, "MINOR and CONTINUE")]
    [InlineData(1, 8 | 0x80, true, true, "MINOR and CONTINUE")]
    [InlineData(1 | 2, 8, true, true, "WP and WRITEPROTECT")]
    [InlineData(1, 8 | 0x40, true, true, "WP and WRITEPROTECT")]
    [InlineData(8, 8, true, true, "no register mode")]
    [InlineData(1, 8 | 1, true, true, "no range ioctl")]
    [InlineData(4, 0x80, false, true, "no GetFolio hook")]
    [InlineData(1, 8, true, false, "no Copy hook")]
    public void A_contradiction_is_named(int features, int ioctls, bool getFolio, bool copy, string problem)
    {
        ModuleTable table = new();
        ModuleException error = Assert.Throws<ModuleException>(
            () => table.Load(new Declared("odd", (RegisterModes)features, (UffdIoctls)ioctls, getFolio, copy)));
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("\n", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Upper")]
    [InlineData("")]
    [InlineData("has space")]
    public void A_name_that_configuration_cannot_hold_is_refused(string name) =>
        Assert.Throws<ModuleException>(
            () => new ModuleTable().Load(new Declared(name, RegisterModes.Minor, UffdIoctls.Continue, true, false)));

    [Fact]
    public void Lax_loading_shows_what_the_kernel_would_do()
    {
        ModuleTable table = new();
        table.Load(new Declared("odd", RegisterModes.Missing, UffdIoctls.None, false, false), lax: true);
        Assert.Single(table.Modules);
    }

    [Fact]
    public void The_modules_that_come_along_are_free_of_contradiction()
    {
        Type[] shipped =
        [
            .. typeof(MemoryModule).Assembly.GetTypes().Where(t => t.IsAssignableTo(typeof(MemoryModule)) && !t.IsAbstract),
        ];
        Assert.Superset(new HashSet<Type> { typeof(Shmem), typeof(GuestMemfd), typeof(Hugetlb), typeof(PlainFile) }, shipped.ToHashSet());
        foreach (Type type in shipped) Assert.Null(ModuleTable.Contradiction(New(type)));
    }

    /// <summary>Who writes a hook expects to be called.</summary>
    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Hooks_of_huge_pages_which_are_never_called_are_refused(bool getFolio, bool copy)
    {
        const UffdIoctls Ioctls = UffdIoctls.Copy | UffdIoctls.Continue;
        Declared module =
            new("huge", RegisterModes.Missing | RegisterModes.Minor, Ioctls, getFolio, copy) { Shift = PageSize.HugeShift };
        string problem = Assert.Throws<ModuleException>(() => new ModuleTable().Load(module)).Message;
        Assert.Contains("its pages have 2,097,152 bytes, which core fills itself", problem, StringComparison.Ordinal);
        new ModuleTable().Load(new Declared("huge", module.Features, Ioctls, false, false) { Shift = PageSize.HugeShift });
    }

    private static MemoryModule New(Type type)
    {
        System.Reflection.ConstructorInfo made = type.GetConstructors().MinBy(c => c.GetParameters().Length)!;
        return (MemoryModule)made.Invoke([.. made.GetParameters().Select(p => p.DefaultValue)]);
    }

    [Fact]
    public void A_module_in_use_cannot_be_unloaded_and_one_that_is_not_can()
    {
        ModuleTable table = new();
        table.Load(new Shmem());
        _ = Assert.Throws<ModuleException>(() => table.Unload("shmem", _ => true));
        table.Unload("shmem", _ => false);
        ModuleException gone = Assert.Throws<ModuleException>(() => table.Find("shmem"));
        Assert.Contains("no module is loaded", gone.Message, StringComparison.Ordinal);
    }

    private sealed class Declared(string name, RegisterModes features, UffdIoctls ioctls, bool getFolio, bool copy)
        : MemoryModule, IVmUffdOps
    {
        public int Shift { get; init; } = PageSize.BaseShift;

        public override string Name => name;

        public override int PageShift => Shift;

        public override IVmUffdOps Ops => this;

        public RegisterModes Features => features;

        public UffdIoctls Ioctls => ioctls;

        public bool HasGetFolio => getFolio;

        public bool HasCopy => copy;

        public Errno GetFolio(MemoryFile file, long index, out uint folio)
        {
            folio = 0;
            return Errno.ENOENT;
        }

        public Errno Copy(in CopyRequest request, ref uint folio) => Errno.EINVAL;
    }
}
