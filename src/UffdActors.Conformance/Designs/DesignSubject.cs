using UffdActors.Model;
using UffdActors.Model.Mapping;

namespace UffdActors.Conformance.Designs;

/// <summary>A module under a design: what the checks are run on.</summary>
/// <param name="profile">Kernel.</param>
/// <param name="module">Makes the module, or gives the same one again.</param>
internal sealed class DesignSubject(KernelProfile profile, Func<MemoryModule> module)
{
    /// <summary>The kernel.</summary>
    public KernelProfile Profile => profile;

    /// <summary>The module.</summary>
    public MemoryModule Module => module();

    /// <summary>
    /// What code of the module did that ended a call with EIO: it threw, or gave a folio which there is not. The call's errno alone may be
    /// one that a check expects, or passes over.
    /// </summary>
    public List<string> Failures { get; } = [];

    /// <summary>A few pages of the module's memory.</summary>
    public DesignScene NewScene(bool shared) => new(profile, module(), shared, (what, _) => Failures.Add(what));
}
