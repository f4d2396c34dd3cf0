using UffdActors.Actors;
using UffdActors.Configuration;
using UffdActors.Failures;
using UffdActors.Model;
using UffdActors.Model.Memory;

namespace UffdActors.Worlds;

/// <summary>Every VM runs on a machine of the model.</summary>
internal sealed class ModelWorld : World
{
    /// <inheritdoc />
    public override VmKernel NewKernel(VmRoot vm, VmOptions options)
    {
        if (options.Watchdog is not null)
            throw new UffdConfigurationException(
                "A watchdog is for VMs on the kernel of this machine; with uffd.world = model leave it out.");
        IncidentLog incidents = vm.Context.Incidents;
        KernelProfile kernel = options.Profile ?? vm.Settings.Kernel;
        if (options.HugePages is { } pages) kernel = kernel with { HugePages = pages };
        kernel = vm.Settings.WithKnobs(kernel);
        if (options.Content == ContentKind.Bytes)
        {
            OptionRange.Within(options.MemoryPages, 1, FolioStore.MaxFolio, nameof(VmOptions.MemoryPages));
            OptionRange.Within(kernel.HugePages, 0, FolioStore.MaxFolio, $"{nameof(VmOptions.HugePages)} or uffd.kernel.huge-pages");
        }

        return new ModelKernel(vm, new Machine(kernel, options.Content, options.MemoryPages)
        {
            Warned = warning => incidents.Report(new Incident(IncidentKind.KernelWarning, $"The kernel warns, once: {warning}.")),
            Hooks = vm.NewHookWatch(),
            ModuleFailed = (what, cause) => incidents.Report(new Incident(IncidentKind.BackendFailed, what, cause)),
        });
    }
}
