namespace UffdActors.Model.Mapping;

/// <summary>
/// What a module says of itself, read once: a member is third-party code, which may throw, block, or say something else when it is read
/// again. Core uses this, and reads no member a second time.
/// </summary>
internal sealed class ModuleFacts
{
    private readonly string[] _calls;

    /// <summary>Reads every member.</summary>
    /// <exception cref="ModuleMemberException">One throws.</exception>
    public ModuleFacts(MemoryModule module)
    {
        Name = Read(nameof(Name), () => module.Name);
        PageShift = Read(nameof(PageShift), () => module.PageShift);
        AllowsPrivate = Read(nameof(AllowsPrivate), () => module.AllowsPrivate);
        HasFaultAround = Read(nameof(HasFaultAround), () => module.HasFaultAround);
        CanSwap = Read(nameof(CanSwap), () => module.CanSwap);
        SupportsWpMarkers = Read(nameof(SupportsWpMarkers), () => module.SupportsWpMarkers);
        IsBuiltIn = Read(nameof(IsBuiltIn), () => module.IsBuiltIn);
        Ops = Read(nameof(Ops), () => module.Ops);
        if (Ops is { } table)
        {
            Features = Read(nameof(Features), () => table.Features);
            Ioctls = Read(nameof(Ioctls), () => table.Ioctls);
            HasGetFolio = Read(nameof(HasGetFolio), () => table.HasGetFolio);
            HasCopy = Read(nameof(HasCopy), () => table.HasCopy);
        }

        IsOfCore = module.GetType().Assembly == typeof(ModuleFacts).Assembly;
        _calls = [.. Enum.GetValues<HookKind>().Select(kind => $"Module \"{Name}\", {Doing(kind)},")];
        FolioOps = Read(nameof(FolioOps), () => module.FolioOps) ?? (Ops is null ? null : new FolioOpsOfTable(Ops, this));
        HasAllocateFolio = FolioOps is { } folios && Read(nameof(HasAllocateFolio), () => folios.HasAllocateFolio);
    }

    /// <inheritdoc cref="MemoryModule.Name" />
    public string Name { get; }

    /// <inheritdoc cref="MemoryModule.PageShift" />
    public int PageShift { get; }

    /// <inheritdoc cref="MemoryModule.AllowsPrivate" />
    public bool AllowsPrivate { get; }

    /// <inheritdoc cref="MemoryModule.HasFaultAround" />
    public bool HasFaultAround { get; }

    /// <inheritdoc cref="MemoryModule.CanSwap" />
    public bool CanSwap { get; }

    /// <inheritdoc cref="MemoryModule.SupportsWpMarkers" />
    public bool SupportsWpMarkers { get; }

    /// <inheritdoc cref="MemoryModule.IsBuiltIn" />
    public bool IsBuiltIn { get; }

    /// <summary>The operations table: for its hooks.</summary>
    public IVmUffdOps? Ops { get; }

    /// <summary>Modes of the table; none without one.</summary>
    public RegisterModes Features { get; }

    /// <summary>Range ioctls of the table; none without one.</summary>
    public UffdIoctls Ioctls { get; }

    /// <summary>The table has <see cref="IVmUffdOps.GetFolio"/>.</summary>
    public bool HasGetFolio { get; }

    /// <summary>The table has <see cref="IVmUffdOps.Copy"/>.</summary>
    public bool HasCopy { get; }

    /// <summary>The merged table, the module's or derived; null if this memory cannot be registered.</summary>
    public IFolioOps? FolioOps { get; }

    /// <summary>The merged table has <see cref="IFolioOps.TryAllocateFolio"/>.</summary>
    public bool HasAllocateFolio { get; }

    /// <summary>True for a module of this library, whose hooks are not watched.</summary>
    public bool IsOfCore { get; }

    /// <summary>A call of a hook, for reports.</summary>
    public string CallOf(HookKind kind) => _calls[(int)kind];

    /// <summary>What a hook is called for, in words.</summary>
    public static string Doing(HookKind kind) => kind switch
    {
        HookKind.Find => "looking a folio up",
        HookKind.Make => "making a folio",
        HookKind.Add => "adding a folio",
        HookKind.Fault => "serving an ordinary fault",
        HookKind.CheckMapping => "checking a mapping",
        HookKind.CheckProtection => "checking a protection",
        HookKind.CheckFileCall => "checking a file call",
        _ => "noting a mapping",
    };

    private static T Read<T>(string member, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e)
        {
            throw new ModuleMemberException(member, e);
        }
    }
}
