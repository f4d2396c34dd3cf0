namespace UffdActors.Kvm;

/// <summary>The saved state of a vCPU or a machine cannot be used: it is damaged, of another version, or this machine refuses it.</summary>
public sealed class KvmStateException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="message">What is wrong, a sentence.</param>
    /// <param name="inner">What it comes from; null if nothing.</param>
    public KvmStateException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
