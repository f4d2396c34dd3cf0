using UffdActors.Model.Backends.Designs;
using UffdActors.Model.Inputs;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Backends;

/// <summary>
/// A module's code as core calls it. A hook that throws fails the operation it was called for, with EIO, and is reported to the machine;
/// nothing else is affected, since core has changed no state yet.
/// </summary>
internal static class HookCalls
{
    public static Errno TryFind(this OpsDesign design, Vma vma, long page, out uint folio)
    {
        int watched = Begin(vma.Owner.Mm.Machine, vma.File!.Module, HookKind.Find);
        try
        {
            Errno error = design.Find(vma, page, out folio);
            if (error != Errno.None || vma.File!.Store.IsKnown(folio)) return error;
            return WrongFolio(vma.Owner.Mm.Machine, vma.File.Module, HookKind.Find, ref folio);
        }
        catch (Exception e)
        {
            folio = FolioStore.None;
            return Failed(vma.Owner.Mm.Machine, vma.File!.Module, HookKind.Find, e);
        }
        finally
        {
            End(vma.Owner.Mm.Machine, watched);
        }
    }

    public static Errno TryMake(this OpsDesign design, in CopyRequest request, ref uint folio)
    {
        int watched = Begin(request.Vma.Owner.Mm.Machine, request.File.Module, HookKind.Make);
        try
        {
            uint filled = folio;
            Errno error = design.Make(request, ref folio);
            // It would be filled and asked for again without end.
            if (error == Errno.ENOENT && filled != FolioStore.None && folio != FolioStore.None)
            {
                if (!request.File.Store.IsKnown(folio)) folio = FolioStore.None;
                request.Vma.Owner.Mm.Machine.ModuleFailed?.Invoke(
                    $"Module \"{request.File.Module.Facts.Name}\" asked for a folio to be filled that was filled, while "
                        + $"{ModuleFacts.Doing(HookKind.Make)}; the call ends with EIO.", null);
                return Errno.EIO;
            }

            // With an error too: core gives the folio of a failed call back.
            if (request.File.Store.IsKnown(folio) || (folio == FolioStore.None && error != Errno.None)) return error;
            return WrongFolio(request.Vma.Owner.Mm.Machine, request.File.Module, HookKind.Make, ref folio);
        }
        catch (Exception e)
        {
            if (!request.File.Store.IsKnown(folio)) folio = FolioStore.None;
            return Failed(request.Vma.Owner.Mm.Machine, request.File.Module, HookKind.Make, e);
        }
        finally
        {
            End(request.Vma.Owner.Mm.Machine, watched);
        }
    }

    public static Errno TryAdd(this OpsDesign design, Vma vma, long page, uint folio)
    {
        int watched = Begin(vma.Owner.Mm.Machine, vma.File!.Module, HookKind.Add);
        try
        {
            return design.Add(vma, page, folio);
        }
        catch (Exception e)
        {
            return Failed(vma.Owner.Mm.Machine, vma.File!.Module, HookKind.Add, e);
        }
        finally
        {
            End(vma.Owner.Mm.Machine, watched);
        }
    }

    public static Errno TryFault(this MemoryModule module, Machine machine, MemoryFile file, long index)
    {
        int watched = Begin(machine, module, HookKind.Fault);
        try
        {
            return module.Fault(file, index);
        }
        catch (Exception e)
        {
            return Failed(machine, module, HookKind.Fault, e);
        }
        finally
        {
            End(machine, watched);
        }
    }

    public static Errno TryCheckMapping(this MemoryModule module, Machine machine, MemoryFile file, Prot prot, bool shared)
    {
        int watched = Begin(machine, module, HookKind.CheckMapping);
        try
        {
            return module.CheckMapping(file, prot, shared);
        }
        catch (Exception e)
        {
            return Failed(machine, module, HookKind.CheckMapping, e);
        }
        finally
        {
            End(machine, watched);
        }
    }

    public static Errno TryCheckProtection(this MemoryModule module, Machine machine, Prot prot, bool shared)
    {
        int watched = Begin(machine, module, HookKind.CheckProtection);
        try
        {
            return module.CheckProtection(prot, shared);
        }
        catch (Exception e)
        {
            return Failed(machine, module, HookKind.CheckProtection, e);
        }
        finally
        {
            End(machine, watched);
        }
    }

    public static Errno TryCheckFileCall(this MemoryModule module, Machine machine, FileCall call)
    {
        int watched = Begin(machine, module, HookKind.CheckFileCall);
        try
        {
            return module.CheckFileCall(call);
        }
        catch (Exception e)
        {
            return Failed(machine, module, HookKind.CheckFileCall, e);
        }
        finally
        {
            End(machine, watched);
        }
    }

    public static void TryOnMapped(this MemoryModule module, Machine machine, MemoryFile file, Prot prot, long end)
    {
        int watched = Begin(machine, module, HookKind.OnMapped);
        try
        {
            module.OnMapped(file, prot, end);
        }
        catch (Exception e)
        {
            _ = Failed(machine, module, HookKind.OnMapped, e);
        }
        finally
        {
            End(machine, watched);
        }
    }

    private static int Begin(Machine machine, MemoryModule module, HookKind kind) =>
        machine.Hooks is { } watch && !module.Facts.IsOfCore ? watch.Begin(module.Facts.CallOf(kind)) : -1;

    private static void End(Machine machine, int call)
    {
        if (call >= 0) machine.Hooks!.End(call);
    }

    // Behind such a number there is no memory: what was read there would be anything, if not the end of the process.
    private static Errno WrongFolio(Machine machine, MemoryModule module, HookKind kind, ref uint folio)
    {
        string what = folio == FolioStore.None ? "no folio" : $"folio {folio}, which there is not";
        folio = FolioStore.None;
        string doing = ModuleFacts.Doing(kind);
        machine.ModuleFailed?.Invoke($"Module \"{module.Facts.Name}\" gave {what}, while {doing}; the call ends with EIO.", null);
        return Errno.EIO;
    }

    private static Errno Failed(Machine machine, MemoryModule module, HookKind kind, Exception e)
    {
        machine.ModuleFailed?.Invoke(
            $"Module \"{module.Facts.Name}\" threw {ForeignText.NameOf(e.GetType())} while {ModuleFacts.Doing(kind)} "
                + $"({ForeignText.Of(e)}); the call ends with EIO.", e);
        return Errno.EIO;
    }
}
