using System.CommandLine;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Options;

/// <summary>Options of several commands about how a guest's pages come: how faults are resolved, and what is fetched beside them.</summary>
internal static class FaultOptions
{
    /// <summary>How faults are resolved; <c>missing</c> if it is not given.</summary>
    public static Option<Named<PostCopyMode>> Mode(string description = "How faults are resolved.") => TypedOptions.Choice<PostCopyMode>(
        "--mode", description, "missing", [new("missing", PostCopyMode.Missing), new("minor", PostCopyMode.Minor)]);

    /// <summary>The order in which pages are fetched beside demand.</summary>
    /// <param name="description">What the help says.</param>
    /// <param name="standard">Name of the order that is used if none is given.</param>
    public static Option<Named<Func<IPrefetchOrder>>> Prefetch(string description, string standard) =>
        TypedOptions.Choice<Func<IPrefetchOrder>>("--prefetch", description, standard, [
            new("linear", IPrefetchOrder.Linear), new("locality", IPrefetchOrder.Locality), new("bubble", IPrefetchOrder.Bubble),
        ]);
}
