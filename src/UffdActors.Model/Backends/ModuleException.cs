namespace UffdActors.Model.Backends;

/// <summary>A module that cannot be loaded, found or unloaded. The message is one line that says why.</summary>
public sealed class ModuleException : Exception
{
    /// <summary>Makes the exception.</summary>
    public ModuleException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }

    /// <summary>A module that there is not, said alike in every world.</summary>
    /// <param name="name">Name that was asked for.</param>
    /// <param name="known">Names that there are, in the order in which they are told.</param>
    internal static ModuleException NotFound(string name, IReadOnlyCollection<string> known)
    {
        string loaded = known.Count == 0 ? "no module is loaded" : "loaded are " + string.Join(", ", known);
        return new ModuleException($"There is no memory module \"{name}\"; {loaded}. Modules of the model are listed in uffd.modules.");
    }
}
