using UffdActors.Abi;

namespace UffdActors.Linux;

/// <summary>A system call failed that had to succeed. The message names the call, the errno, and what to do where that is known.</summary>
public sealed class SyscallException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="call">Call with the arguments that matter.</param>
    /// <param name="error">What it gave.</param>
    /// <param name="hint">What it means or what to do; a sentence, or null.</param>
    public SyscallException(string call, Errno error, string? hint = null)
        : base($"{call} failed with {error}{(hint is null ? "." : ": " + hint)}")
    {
        Call = call;
        Error = error;
    }

    /// <summary>The call.</summary>
    public string Call { get; }

    /// <summary>Its errno.</summary>
    public Errno Error { get; }
}
