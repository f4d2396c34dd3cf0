using UffdActors.Model.Inputs;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Backends;

/// <summary>What a module is checked for before it is used, since it is third-party code.</summary>
internal static class ModuleMembers
{
    private const int MostOfName = 64;
    private const string Anonymous = "anon";
    private static readonly int[] PageShifts = [PageSize.BaseShift, PageSize.HugeShift, PageSize.GiantShift];

    /// <summary>Reads each member.</summary>
    /// <exception cref="ModuleException">A member throws or has a value that core cannot use; the message says which.</exception>
    public static void Check(MemoryModule module)
    {
        ArgumentNullException.ThrowIfNull(module);
        ModuleFacts facts;
        try
        {
            facts = module.Facts;
        }
        catch (ModuleMemberException e)
        {
            throw Refused(module, $"its {e.Member} throws ({ForeignText.Of(e.Cause)})", e.Cause);
        }

        if (facts.Name is null) throw Refused(module, $"its {nameof(MemoryModule.Name)} is null");
        if (facts.Name.Length > MostOfName)
            throw Refused(
                module, $"its {nameof(MemoryModule.Name)} has {facts.Name.Length} characters, and at most {MostOfName} are taken");
        // Every report and every error line prints it, also where a table that contradicts itself is accepted.
        if (!ForeignText.IsShown(facts.Name))
            throw Refused(
                module, $"its {nameof(MemoryModule.Name)}, \"{ForeignText.Shown(facts.Name)}\", has characters that a line does not show");
        if (facts.Name == Anonymous)
            throw Refused(module, $"its {nameof(MemoryModule.Name)} is \"{Anonymous}\", which is memory without a module");
        if (!PageShifts.Contains(facts.PageShift))
            throw Refused(
                module, $"its {nameof(MemoryModule.PageShift)} is {facts.PageShift}, and pages have 2^12, 2^21 or 2^30 bytes");
    }

    /// <summary>Makes a file of a module's memory.</summary>
    /// <exception cref="ModuleException">The module throws, or makes none.</exception>
    public static MemoryFile NewFile(MemoryModule module, Machine machine, long bytes)
    {
        ArgumentNullException.ThrowIfNull(module);
        MemoryFile? file;
        try
        {
            file = module.CreateFile(machine, bytes);
        }
        catch (Exception e) when (e is not (ModuleException or ArgumentException or OutOfMemoryException))
        {
            throw new ModuleException($"Module \"{module.Facts.Name}\" cannot make a file of {bytes} bytes: {ForeignText.Of(e)}", e);
        }

        return file
            ?? throw new ModuleException(
                $"Module \"{module.Facts.Name}\" cannot make a file of {bytes} bytes: its {nameof(MemoryModule.CreateFile)} gives null.");
    }

    // Named by its type: the invalid member may be the name.
    private static ModuleException Refused(MemoryModule module, string why, Exception? cause = null) =>
        new($"Memory module {ForeignText.Shown(module.GetType().FullName!)} is refused: {why}.", cause);
}
