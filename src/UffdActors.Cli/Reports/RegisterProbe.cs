using UffdActors.Model;
using UffdActors.Model.Memory;

namespace UffdActors.Cli.Reports;

/// <summary>
/// Asks a kernel what it registers. What it reports is not what a module's table declares: the mask depends on page size and modes alone
/// (SEMANTICS 3.2.5, 7.2.2), so an ioctl that is reported can still be refused when it is called.
/// </summary>
internal static class RegisterProbe
{
    private static readonly RegisterModes[] Asked =
    [
        RegisterModes.Missing, RegisterModes.WriteProtect, RegisterModes.Minor, RegisterModes.All,
    ];

    /// <summary>Maps a little memory in a VM of its own, and registers it with each mode alone and with all of them.</summary>
    /// <param name="runtime">Runtime with the module.</param>
    /// <param name="module">Memory module; null for anonymous memory.</param>
    /// <param name="profile">Kernel.</param>
    /// <param name="cancel">Cancels.</param>
    /// <exception cref="UffdActors.Model.Backends.ModuleException">There is no such memory module.</exception>
    public static async Task<IReadOnlyList<RegisterAnswer>> AskAsync(
        UffdRuntime runtime, string? module, KernelProfile profile, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        int shift = module is null ? PageSize.BaseShift : runtime.Modules.Find(module).Facts.PageShift;
        long pages = 1L << (shift - PageSize.BaseShift);
        List<RegisterAnswer> answers = [];
        foreach (RegisterModes modes in Asked)
        {
            // A VM for each question: registering again would only add to the modes.
            await using UffdVm vm = await runtime.CreateVmAsync(
                new VmOptions { MemoryPages = pages, HugePages = shift == PageSize.BaseShift ? null : 1, Profile = profile }, cancel);
            GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = pages, Module = module }, cancel);
            Userfault uffd = await vm.OpenAsync(UffdFeatures.None, cancel);
            try
            {
                answers.Add(new RegisterAnswer(modes, await uffd.RegisterAsync(region, modes, cancel), null));
            }
            catch (UffdException refusal)
            {
                answers.Add(new RegisterAnswer(modes, null, refusal));
            }
        }

        return answers;
    }
}
