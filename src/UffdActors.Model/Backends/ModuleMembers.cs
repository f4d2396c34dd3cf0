using System.Reflection;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Backends;

/// <summary>
/// The members of a module that core reads outside of any call that could fail: checked once, before the module is used, since it is
/// third-party code.
/// </summary>
internal static class ModuleMembers
{
    private static readonly int[] PageShifts = [PageSize.BaseShift, PageSize.HugeShift, PageSize.GiantShift];

    /// <summary>Reads each of them.</summary>
    /// <exception cref="ModuleException">A member throws or has a value that core cannot use; the message says which.</exception>
    public static void Check(MemoryModule module)
    {
        ArgumentNullException.ThrowIfNull(module);
        if (Read(module, nameof(MemoryModule.Name), m => m.Name) is null) throw Refused(module, $"its {nameof(MemoryModule.Name)} is null");
        int shift = Read(module, nameof(MemoryModule.PageShift), m => m.PageShift);
        if (!PageShifts.Contains(shift))
            throw Refused(module, $"its {nameof(MemoryModule.PageShift)} is {shift}, and pages have 2^12, 2^21 or 2^30 bytes");
        _ = Read(module, nameof(MemoryModule.AllowsPrivate), m => m.AllowsPrivate);
        _ = Read(module, nameof(MemoryModule.HasFaultAround), m => m.HasFaultAround);
        _ = Read(module, nameof(MemoryModule.CanSwap), m => m.CanSwap);
        _ = Read(module, nameof(MemoryModule.SupportsWpMarkers), m => m.SupportsWpMarkers);
        _ = Read(module, nameof(MemoryModule.IsBuiltIn), m => m.IsBuiltIn);
        _ = Read(module, nameof(MemoryModule.FolioOps), m => m.FolioOps);
        if (Read(module, nameof(MemoryModule.Ops), m => m.Ops) is not { } table) return;
        _ = Read(module, nameof(IVmUffdOps.Features), _ => table.Features);
        _ = Read(module, nameof(IVmUffdOps.Ioctls), _ => table.Ioctls);
        _ = Read(module, nameof(IVmUffdOps.HasGetFolio), _ => table.HasGetFolio);
        _ = Read(module, nameof(IVmUffdOps.HasCopy), _ => table.HasCopy);
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
            throw new ModuleException($"Module \"{module.Name}\" cannot make a file of {bytes} bytes: {Text(e)}", e);
        }

        return file
            ?? throw new ModuleException(
                $"Module \"{module.Name}\" cannot make a file of {bytes} bytes: its {nameof(MemoryModule.CreateFile)} gives null.");
    }

    /// <summary>What an exception of a module says, in one line. Its Message is third-party code too: it may be null, or throw.</summary>
    public static string Text(Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        // These say only that something has thrown; what it was is inside.
        while (exception is TypeInitializationException or TargetInvocationException && exception.InnerException is { } inner)
            exception = inner;
        string? message;
        try
        {
            message = exception.Message;
        }
        catch (Exception)
        {
            message = null;
        }

        string line = string.Join(' ', (message ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        return line.Length > 0 ? line : $"{exception.GetType().Name}, without a message.";
    }

    private static T Read<T>(MemoryModule module, string member, Func<MemoryModule, T> read)
    {
        try
        {
            return read(module);
        }
        catch (Exception e)
        {
            throw Refused(module, $"its {member} throws ({Text(e)})", e);
        }
    }

    // Named by its type: the invalid member may be the name.
    private static ModuleException Refused(MemoryModule module, string why, Exception? cause = null) =>
        new($"Memory module {module.GetType().FullName} is refused: {why}.", cause);
}
