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

    /// <summary>Runs it.</summary>
    /// <param name="isTimed">It is handed over when <see cref="UntilSwitchAsync"/> has ended.</param>
    /// <param name="cancel">Cancels.</param>
    Task BeginAsync(bool isTimed, CancellationToken cancel);

    /// <summary>Ends when it is time to hand it over.</summary>
    Task UntilSwitchAsync(CancellationToken cancel);
}
