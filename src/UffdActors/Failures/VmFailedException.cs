namespace UffdActors;

/// <summary>A VM has failed closed, or was stopped: the call was not carried out, or its outcome is not known.</summary>
public sealed class VmFailedException : Exception
{
    /// <summary>Makes the exception.</summary>
    public VmFailedException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
