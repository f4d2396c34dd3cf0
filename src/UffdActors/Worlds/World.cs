using System.Reflection;
using Akka.Configuration;
using UffdActors.Actors;

namespace UffdActors.Worlds;

/// <summary>
/// What the runtime's VMs run on: the model, or the kernel of this machine. Chosen by <c>uffd.world</c>; found by the type name in the
/// configuration, so that the runtime depends on no world but the model.
/// </summary>
internal abstract class World : IAsyncDisposable
{
    /// <summary>Finds the world of a name.</summary>
    /// <exception cref="UffdConfigurationException">There is no such world, or its assembly is not here.</exception>
    public static World Of(UffdSettings settings)
    {
        string key = $"uffd.worlds.{settings.World}.type";
        string name = settings.Config.GetString(key, "");
        if (name.Length == 0)
        {
            string known = string.Join(", ", settings.Config.GetConfig("uffd.worlds").AsEnumerable().Select(w => w.Key).Order());
            throw new UffdConfigurationException($"uffd.world = {settings.World}: there is no such world; use one of {known}.");
        }

        if (Type.GetType(name) is not { } type || !type.IsAssignableTo(typeof(World)))
            throw new UffdConfigurationException($"{key} = {name}: there is no such type; add the assembly that holds it to the program.");
        return (World)Activator.CreateInstance(
            type, BindingFlags.Instance | BindingFlags.Public | BindingFlags.DoNotWrapExceptions, null, null, null)!;
    }

    /// <summary>Makes the kernel under a VM. Called before the VM's actors start.</summary>
    /// <exception cref="UffdConfigurationException">The ring's dispatcher does not suit this world.</exception>
    public abstract VmKernel NewKernel(VmRoot vm, VmOptions options);

    /// <summary>All VMs have ended: ends what was started for them.</summary>
    public virtual ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>What a fault loop of this world needs in its configuration.</summary>
    public virtual Config LoopConfig => Config.Empty;
}
