namespace UffdActors;

/// <summary>
/// The kernel refused a call: a machine of the model, or this machine's own, which fail alike. The message names the call, its errno, the
/// true cause, and what to do where that is known.
/// </summary>
/// <remarks>
/// <para>Whatever the facade (<see cref="UffdVm"/>, <see cref="Userfault"/>) cannot do because a kernel does not let it ends with this, or
/// with an exception that is one: what a machine lacks as a whole is <c>UnsupportedMachineException</c> of <c>UffdActors.Linux</c>, which
/// derives from it and says what is missing.</para>
/// <para>A call that makes no sense wherever it is made is refused before a kernel is asked: <see cref="ArgumentException"/> for what it
/// was given, <see cref="InvalidOperationException"/> for when it comes, <see cref="Model.Backends.ModuleException"/> for a memory module
/// that there is not.</para>
/// </remarks>
public class UffdException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="call">Name of the call: of the system call, or of the ioctl as the kernel's headers spell it.</param>
    /// <param name="error">What it gave.</param>
    /// <param name="explanation">Why, and what to do; a sentence, but for its end.</param>
    /// <param name="inner">What lies below; null for nothing.</param>
    public UffdException(string call, Errno error, string explanation, Exception? inner = null)
        : this($"{call} failed with {error}: {explanation}", call, error, inner)
    {
    }

    /// <summary>Makes the exception with a message of its own.</summary>
    /// <param name="message">The message.</param>
    /// <param name="call">Name of the call.</param>
    /// <param name="error">What it gave.</param>
    /// <param name="inner">What lies below; null for nothing.</param>
    protected UffdException(string message, string call, Errno error, Exception? inner)
        : base(message, inner)
    {
        Call = call;
        Error = error;
    }

    /// <summary>Name of the call.</summary>
    public string Call { get; }

    /// <summary>Its errno.</summary>
    public Errno Error { get; }
}
