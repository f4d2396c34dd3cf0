using System.Text.Json;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Torture;

/// <summary>
/// What an operator does when an end of a migration is gone, and what must come of it: the side that is left is asked where the guest is,
/// and a command that would lose it or run it twice must be refused.
/// </summary>
/// <param name="source">The sending end.</param>
/// <param name="destination">The receiving end.</param>
/// <param name="another">Starts another receiver where the first one was.</param>
/// <param name="hash">What the guest's memory must be at its end; null in a run that nothing happens to, which finds it.</param>
internal sealed class TortureOperator(IMigrationEnd source, IMigrationEnd destination, Func<IMigrationEnd> another, string? hash)
{
    /// <summary>Both ends come to their end, and agree.</summary>
    /// <param name="found">Told what the guest's memory is, in a run that finds it.</param>
    /// <param name="cancel">Cancels.</param>
    /// <exception cref="TortureException">They do not.</exception>
    public Task<TortureVerdict> AgreeAsync(Action<string>? found, CancellationToken cancel) =>
        AgreeAsync(destination, TortureVerdict.Verified, found, cancel);

    /// <summary>The source is gone.</summary>
    /// <param name="may">Where the destination may be.</param>
    /// <param name="cancel">Cancels.</param>
    /// <exception cref="TortureException">What comes of it is wrong.</exception>
    public async Task<TortureVerdict> WithoutSourceAsync(IReadOnlyList<DestinationPhase> may, CancellationToken cancel)
    {
        DestinationPhase phase = TortureJudge.Phase(await destination.PhaseWithoutLinkAsync(cancel), may);
        string? answer = await destination.AskAsync("abandon", cancel);
        if (phase == DestinationPhase.Running)
        {
            if (answer is not null && TortureJudge.IsRefused(answer)) _ = await destination.AskAsync("abandon --with-loss", cancel);
            else phase = DestinationPhase.Complete;
        }

        (int exitCode, JsonElement? document) = await destination.EndAsync(cancel);
        return TortureJudge.WithoutSource(phase, exitCode, document, hash);
    }

    /// <summary>The destination is gone.</summary>
    /// <param name="may">Where the source may be.</param>
    /// <param name="cancel">Cancels.</param>
    /// <exception cref="TortureException">What comes of it is wrong.</exception>
    public async Task<TortureVerdict> WithoutDestinationAsync(IReadOnlyList<SourcePhase> may, CancellationToken cancel)
    {
        switch (TortureJudge.Phase(await source.PhaseWithoutLinkAsync(cancel), may))
        {
            case SourcePhase.GuestHere:
                return await AgreeAsync(another(), TortureVerdict.MovedToAnother, null, cancel);
            case SourcePhase.InDoubt:
                return await InDoubtAsync(cancel);
            case SourcePhase.Serving:
                await RefuseAsync("abandon", cancel);
                await RefuseAsync("resume-here", cancel);
                _ = await source.AskAsync("abandon --with-loss", cancel);
                await EndedAsync(keepsGuest: false, isDelivered: false, cancel);
                return TortureVerdict.DiedWithDestination;
            default:
                await EndedAsync(keepsGuest: false, isDelivered: true, cancel);
                return TortureVerdict.LeftWhole;
        }
    }

    // It is not known whether the guest ran at the destination; a receiver that is started anew there does not know it either.
    private async Task<TortureVerdict> InDoubtAsync(CancellationToken cancel)
    {
        await RefuseAsync("abandon", cancel);
        IMigrationEnd anew = another();
        TortureJudge.Check(
            await source.HasSaidAsync("another destination listens there", cancel),
            "the source has not said that another destination cannot know where the guest is");
        _ = TortureJudge.Phase(await source.PhaseWithoutLinkAsync(cancel), [SourcePhase.InDoubt]);
        _ = await anew.AskAsync("abandon", cancel);
        (_, JsonElement? document) = await anew.EndAsync(cancel);
        TortureJudge.Another(document);
        // Between two attempts to connect there may still be a link.
        string? answer = await source.AskAsync("resume-here", cancel);
        while (answer is not null && TortureJudge.IsRefused(answer)) answer = await source.AskAsync("resume-here", cancel);
        await EndedAsync(keepsGuest: true, isDelivered: false, cancel);
        return TortureVerdict.ResumedByOperator;
    }

    private async Task<TortureVerdict> AgreeAsync(
        IMigrationEnd there, TortureVerdict verdict, Action<string>? found, CancellationToken cancel)
    {
        (int sent, JsonElement? report) = await source.EndAsync(cancel);
        (int received, JsonElement? other) = await there.EndAsync(cancel);
        string memory = TortureJudge.Agree(sent, report, received, other, hash);
        if (hash is null) found!(memory);
        return verdict;
    }

    private async Task EndedAsync(bool keepsGuest, bool isDelivered, CancellationToken cancel)
    {
        (_, JsonElement? document) = await source.EndAsync(cancel);
        TortureJudge.Source(document, keepsGuest, isDelivered);
    }

    private async Task RefuseAsync(string command, CancellationToken cancel) =>
        TortureJudge.Refused(command, await source.AskAsync(command, cancel));
}
