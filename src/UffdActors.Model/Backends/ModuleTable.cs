using UffdActors.Model.Inputs;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Backends;

/// <summary>
/// The loaded memory modules. Modules are found here by name and used through their operations table; no other code names them.
/// Safe for any thread.
/// </summary>
public sealed class ModuleTable
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, MemoryModule> _modules = new(StringComparer.Ordinal);

    /// <summary>The modules, by name.</summary>
    public IReadOnlyList<MemoryModule> Modules
    {
        get
        {
            lock (_gate) return [.. _modules.Values];
        }
    }

    /// <summary>Adds a module.</summary>
    /// <param name="module">Module.</param>
    /// <param name="lax">Accept a table that contradicts itself, as the kernel would.</param>
    /// <exception cref="ModuleException">The table contradicts itself, a member throws, or the name is taken.</exception>
    public void Load(MemoryModule module, bool lax = false)
    {
        ModuleMembers.Check(module);
        if (!lax && Contradiction(module) is { } problem)
            throw new ModuleException($"Module \"{module.Facts.Name}\" is refused: {problem}.");
        lock (_gate)
        {
            if (!_modules.TryAdd(module.Facts.Name, module))
                throw new ModuleException($"A module \"{module.Facts.Name}\" is loaded already.");
        }
    }

    /// <summary>Finds a module.</summary>
    /// <exception cref="ModuleException">There is none of that name.</exception>
    public MemoryModule Find(string name)
    {
        lock (_gate)
        {
            if (_modules.TryGetValue(name, out MemoryModule? module)) return module;
            throw ModuleException.NotFound(name, _modules.Keys);
        }
    }

    /// <summary>log2 of the bytes of a page of a module, as it said when it was loaded.</summary>
    /// <exception cref="ModuleException">There is none of that name.</exception>
    public int PageShiftOf(string name) => Find(name).Facts.PageShift;

    /// <summary>Modes that a module's memory can be registered for, as it said when it was loaded; none without a table.</summary>
    /// <exception cref="ModuleException">There is none of that name.</exception>
    public RegisterModes FeaturesOf(string name) => Find(name).Facts is { Ops: not null } facts ? facts.Features : RegisterModes.None;

    /// <summary>True if no shared mapping of a module's memory can be written to.</summary>
    /// <exception cref="ModuleException">There is no module of that name, or it throws.</exception>
    public bool IsReadOnly(string name)
    {
        MemoryModule module = Find(name);
        try
        {
            return module.CheckProtection(Prot.ReadWrite, shared: true) != Errno.None;
        }
        catch (Exception e)
        {
            throw new ModuleException(
                $"Module \"{module.Facts.Name}\" threw {ForeignText.NameOf(e.GetType())} while checking a protection "
                    + $"({ForeignText.Of(e)}).", e);
        }
    }

    /// <summary>Removes a module.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="isUsed">Whether a mapping uses it.</param>
    /// <exception cref="ModuleException">There is none of that name, or a mapping uses it.</exception>
    public void Unload(string name, Func<MemoryModule, bool> isUsed)
    {
        ArgumentNullException.ThrowIfNull(isUsed);
        lock (_gate)
        {
            MemoryModule module = Find(name);
            if (isUsed(module)) throw new ModuleException($"Module \"{name}\" is in use by a mapping (EBUSY); unmap its memory first.");
            _ = _modules.Remove(name);
        }
    }

    /// <summary>What is wrong with a module's table, or null (SEMANTICS 7.2.7, 7.2.8).</summary>
    public static string? Contradiction(MemoryModule module)
    {
        ArgumentNullException.ThrowIfNull(module);
        ModuleFacts facts = module.Facts;
        if (facts.Name.Length == 0 || facts.Name.Any(c => !char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c) && c != '-'))
            return "its name must be made of lower-case letters, digits and hyphens";
        if (facts.Ops is null) return null;

        RegisterModes features = facts.Features;
        UffdIoctls ioctls = facts.Ioctls;
        if (features == RegisterModes.None) return "its operations table offers no mode (Features is empty)";
        if ((features & ~RegisterModes.All) != 0) return "Features has bits that are no register mode";
        if ((ioctls & ~UffdIoctls.OfRange) != 0) return "Ioctls has bits that are no range ioctl";
        if (Has(RegisterModes.Missing) != Does(UffdIoctls.Copy)) return "MISSING and COPY go together, and it has one of them only";
        if (Does(UffdIoctls.ZeroPage) && !Has(RegisterModes.Missing)) return "it offers ZEROPAGE without MISSING";
        if (Has(RegisterModes.Minor) != Does(UffdIoctls.Continue)) return "MINOR and CONTINUE go together, and it has one of them only";
        if (Has(RegisterModes.WriteProtect) != Does(UffdIoctls.WriteProtect))
            return "WP and WRITEPROTECT go together, and it has one of them only";
        if (facts.PageShift != PageSize.BaseShift)
            return facts.HasGetFolio || facts.HasCopy
                ? $"its pages have {1L << facts.PageShift:N0} bytes, which core fills itself: its hooks are never called, and HasGetFolio "
                    + "and HasCopy have to be false"
                : null;
        if (Does(UffdIoctls.Continue) && !facts.HasGetFolio) return "it offers CONTINUE and has no GetFolio hook";
        if ((Does(UffdIoctls.Copy) || Does(UffdIoctls.ZeroPage)) && !facts.HasCopy)
            return "it offers COPY or ZEROPAGE and has no Copy hook";
        return null;

        bool Has(RegisterModes mode) => (features & mode) != 0;
        bool Does(UffdIoctls ioctl) => (ioctls & ioctl) != 0;
    }
}
