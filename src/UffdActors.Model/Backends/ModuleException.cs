namespace UffdActors.Model.Backends;

/// <summary>A module that cannot be loaded, found or unloaded. The message is one line that says why.</summary>
public sealed class ModuleException : Exception
{
    /// <summary>Makes the exception.</summary>
    public ModuleException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
