namespace UffdActors;

/// <summary>Something went wrong.</summary>
/// <param name="Kind">What.</param>
/// <param name="Message">One sentence that names the thing, and what to do.</param>
/// <param name="Exception">The cause, if it was an exception.</param>
/// <param name="State">For <see cref="IncidentKind.VmFailed"/>: the state of the VM in lines of text.</param>
public sealed record Incident(IncidentKind Kind, string Message, Exception? Exception = null, string? State = null)
{
    internal static Incident OfFork() => new(
        IncidentKind.ForkedChild,
        "The process has forked, and pages of the child that are absent wait until it is served: take its userfaultfd by "
            + "Userfault.TakeChildren and serve it in a VM of its own, or end the child.");
}
