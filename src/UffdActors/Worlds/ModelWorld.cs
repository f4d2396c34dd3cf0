using UffdActors.Handling;
using UffdActors.Model;

namespace UffdActors.Worlds;

/// <summary>Every VM runs on a machine of the model.</summary>
internal sealed class ModelWorld : World
{
    /// <inheritdoc />
    public override VmKernel NewKernel(UffdVm vm, VmOptions options)
    {
        IncidentLog incidents = vm.Context.Incidents;
        return new ModelKernel(vm, new Machine(vm.Settings.WithKnobs(options.Profile ?? vm.Settings.Kernel), options.Content, options.MemoryPages)
        {
            Warned = warning => incidents.Report(new Incident(IncidentKind.KernelWarning, $"The kernel warns, once: {warning}.")),
            ModuleFailed = (what, cause) => incidents.Report(new Incident(IncidentKind.BackendFailed, what, cause)),
        });
    }
}
