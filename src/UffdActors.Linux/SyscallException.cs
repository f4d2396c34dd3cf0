using UffdActors.Worlds;

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
        Hint = hint;
    }

    /// <summary>The call.</summary>
    public string Call { get; }

    /// <summary>Its errno.</summary>
    public Errno Error { get; }

    /// <summary>What it means or what to do; a sentence, or null if nothing is known.</summary>
    public string? Hint { get; }

    /// <summary>The call without its arguments: <c>mmap</c>, <c>UFFDIO_WAKE</c>.</summary>
    internal string Name
    {
        get
        {
            const string Ioctl = "ioctl(";
            string name = Call.StartsWith(Ioctl, StringComparison.Ordinal) ? Call[Ioctl.Length..] : Call;
            int end = name.AsSpan().IndexOfAny('(', ',', ')');
            return end < 0 ? name : name[..end];
        }
    }

    /// <summary>The same as the facade shows it: a refusal of the kernel, as it is in every world.</summary>
    internal UffdException ToRefusal() => new(Name, Error, Hint?.TrimEnd('.') ?? KernelErrors.Explain(Name, Error), this);
}
