namespace UffdActors.Linux.Needs;

/// <summary>
/// This machine cannot do what was asked for, or does not let this process. The message says what is missing, why, and what to do about it.
/// </summary>
/// <remarks>It is a <see cref="UffdException"/>, as every refusal is; the command <c>uffd</c> ends with exit code 3 instead of 2.</remarks>
public sealed class UnsupportedMachineException : UffdException
{
    /// <summary>Makes the exception.</summary>
    /// <param name="need">What is missing.</param>
    /// <param name="problem">What was tried and what came of it; a sentence.</param>
    /// <param name="call">Name of the call; null if none had to be made to know.</param>
    /// <param name="error">What it gave; <see cref="Errno.None"/> if there was no call.</param>
    public UnsupportedMachineException(MachineNeed need, string problem, string? call = null, Errno error = Errno.None)
        : this(need, problem, NeedAnswer.Absent(need), call, error)
    {
    }

    internal UnsupportedMachineException(MachineNeed need, string problem, NeedAnswer answer, string? call = null, Errno error = Errno.None)
        : base($"{problem} {(answer.Cause is { } cause ? cause + " " : "")}{answer.Remedy ?? Remedies.Of(need)}", call ?? need.ToString(),
            error, null) => Need = need;

    /// <summary>What is missing.</summary>
    public MachineNeed Need { get; }

    /// <summary>The refusal that goes with what is reported of a machine.</summary>
    /// <param name="finding">The need.</param>
    /// <param name="problem">What was wanted; a sentence.</param>
    internal static UnsupportedMachineException Of(MachineFinding finding, string problem)
    {
        ArgumentNullException.ThrowIfNull(finding);
        return new UnsupportedMachineException(finding.Need, problem, new NeedAnswer(finding.State, finding.Cause, finding.Remedy));
    }
}
