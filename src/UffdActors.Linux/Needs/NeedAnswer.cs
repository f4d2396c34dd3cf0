namespace UffdActors.Linux.Needs;

/// <summary>What an errno says of a need: the state, why, and what to do.</summary>
/// <param name="State">State.</param>
/// <param name="Cause">Why; a sentence, or null if the remedy says it all.</param>
/// <param name="Remedy">What to do; null if the need is met.</param>
internal readonly record struct NeedAnswer(NeedState State, string? Cause, string? Remedy)
{
    public static NeedAnswer Met { get; } = new(NeedState.Met, null, null);

    /// <summary>The machine does not have it.</summary>
    public static NeedAnswer Absent(MachineNeed need) => new(NeedState.Absent, null, Remedies.Of(need));

    /// <summary>It could not be asked, for a reason.</summary>
    public static NeedAnswer Unknown(string cause, string remedy) => new(NeedState.Unknown, cause, remedy);
}
