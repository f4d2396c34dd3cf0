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
        try
        {
            Errno error = design.Find(vma, page, out folio);
            if (error != Errno.None || vma.File!.Store.IsKnown(folio)) return error;
            return WrongFolio(vma.Owner.Mm.Machine, vma.File.Module, "looking a folio up", ref folio);
        }
        catch (Exception e)
        {
            folio = FolioStore.None;
            return Failed(vma.Owner.Mm.Machine, vma.File!.Module, "looking a folio up", e);
        }
    }

    public static Errno TryMake(this OpsDesign design, in CopyRequest request, ref uint folio)
    {
        try
        {
            Errno error = design.Make(request, ref folio);
            // With an error too: core gives the folio of a failed call back.
            if (request.File.Store.IsKnown(folio) || (folio == FolioStore.None && error != Errno.None)) return error;
            return WrongFolio(request.Vma.Owner.Mm.Machine, request.File.Module, "making a folio", ref folio);
        }
        catch (Exception e)
        {
            if (!request.File.Store.IsKnown(folio)) folio = FolioStore.None;
            return Failed(request.Vma.Owner.Mm.Machine, request.File.Module, "making a folio", e);
        }
    }

    public static Errno TryAdd(this OpsDesign design, Vma vma, long page, uint folio)
    {
        try
        {
            return design.Add(vma, page, folio);
        }
        catch (Exception e)
        {
            return Failed(vma.Owner.Mm.Machine, vma.File!.Module, "adding a folio", e);
        }
    }

    public static Errno TryFault(this MemoryModule module, Machine machine, MemoryFile file, long index)
    {
        try
        {
            return module.Fault(file, index);
        }
        catch (Exception e)
        {
            return Failed(machine, module, "serving an ordinary fault", e);
        }
    }

    public static Errno TryCheckMapping(this MemoryModule module, Machine machine, MemoryFile file, Prot prot, bool shared)
    {
        try
        {
            return module.CheckMapping(file, prot, shared);
        }
        catch (Exception e)
        {
            return Failed(machine, module, "checking a mapping", e);
        }
    }

    public static Errno TryCheckProtection(this MemoryModule module, Machine machine, Prot prot, bool shared)
    {
        try
        {
            return module.CheckProtection(prot, shared);
        }
        catch (Exception e)
        {
            return Failed(machine, module, "checking a protection", e);
        }
    }

    public static Errno TryCheckFileCall(this MemoryModule module, Machine machine, FileCall call)
    {
        try
        {
            return module.CheckFileCall(call);
        }
        catch (Exception e)
        {
            return Failed(machine, module, "checking a file call", e);
        }
    }

    public static void TryOnMapped(this MemoryModule module, Machine machine, MemoryFile file, Prot prot, long end)
    {
        try
        {
            module.OnMapped(file, prot, end);
        }
        catch (Exception e)
        {
            _ = Failed(machine, module, "noting a mapping", e);
        }
    }

    // Behind such a number there is no memory: what was read there would be anything, if not the end of the process.
    private static Errno WrongFolio(Machine machine, MemoryModule module, string doing, ref uint folio)
    {
        string what = folio == FolioStore.None ? "no folio" : $"folio {folio}, which there is not";
        folio = FolioStore.None;
        machine.ModuleFailed?.Invoke($"Module \"{module.Facts.Name}\" gave {what}, while {doing}; the call ends with EIO.", null);
        return Errno.EIO;
    }

    private static Errno Failed(Machine machine, MemoryModule module, string doing, Exception e)
    {
        machine.ModuleFailed?.Invoke(
            $"Module \"{module.Facts.Name}\" threw {e.GetType().Name} while {doing} ({ForeignText.Of(e)}); the call ends with EIO.", e);
        return Errno.EIO;
    }
}
