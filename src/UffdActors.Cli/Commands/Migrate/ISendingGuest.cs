using UffdActors.PostCopy;

namespace UffdActors.Cli.Commands.Migrate;

/// <summary>A guest that starts here and is handed over, of either kind.</summary>
internal interface ISendingGuest : IAsyncDisposable
{
    /// <summary>Machine of its memory.</summary>
    UffdVm Vm { get; }

    /// <summary>What finds its writes; null if nothing does.</summary>
    Userfault? Userfault { get; }

    /// <summary>The guest itself.</summary>
    ISourceGuest Guest { get; }

    /// <summary>How far it is, for <c>uffd migrate status</c>.</summary>
    string Progress { get; }

    /// <summary>Runs it, at once or when there is a link.</summary>
    /// <param name="source">Its migration.</param>
    /// <param name="isTimed">The task ends when it is time to hand it over; if not, when it runs.</param>
    /// <param name="cancel">Cancels.</param>
    Task RunAsync(MigrationSource source, bool isTimed, CancellationToken cancel);
}
