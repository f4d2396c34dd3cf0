using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;
using UffdActors.Worlds;

namespace UffdActors.Tests;

/// <summary>What the facade hides of the model under it.</summary>
internal static class ModelParts
{
    extension(UffdVm vm)
    {
        public ModelKernel Model => (ModelKernel)vm.Kernel;

        public AddressSpace AddressSpace => vm.Model.AddressSpace;

        public Caller Main => vm.Model.Main;

        public Caller NewThread() => vm.Model.NewThread();

        public Task CallAsync<T>(string name, T call, Func<T, Errno> errorOf, CancellationToken cancel)
            where T : Operation => vm.Model.CallAsync(name, call, errorOf, cancel);
    }

    extension(Userfault uffd)
    {
        public UserfaultContext Context => ((ModelUserfault)uffd.Kernel).Context;
    }
}
