using System.Diagnostics;
using UffdActors.PostCopy.Wire;

namespace UffdActors.PostCopy.Migration;

/// <summary>Connects the source to the destination, lane by lane, and again after a link was lost.</summary>
/// <param name="options">Where to connect to, and how patiently.</param>
/// <param name="machine">The source's state machine: its epoch goes with every lane.</param>
/// <param name="lanes">Reads the lanes.</param>
/// <param name="inbox">Takes the links, their losses, and a failure.</param>
internal sealed class SourceConnector(
    MigrationSourceOptions options, SourceMachine machine, SourceLanes lanes, MigrationInbox<SourceInput> inbox)
{
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(50);

    private readonly UInt128 _migration = Identity.New();
    private readonly SemaphoreSlim _now = new(0);
    private ulong _links;

    /// <summary>Ends a wait before the next attempt.</summary>
    public void TryNow() => _now.Release();

    /// <summary>Tries until there is a link, which it posts, or the migration cannot go on.</summary>
    /// <param name="isFirst">
    /// True for the first link, for which <see cref="MigrationSourceOptions.ConnectTimeout"/> holds; otherwise the operator or the policy
    /// says when it is tried again.
    /// </param>
    /// <param name="cancel">The end of the migration.</param>
    public async Task ConnectAsync(bool isFirst, CancellationToken cancel)
    {
        Stopwatch time = Stopwatch.StartNew();
        string? told = null;
        if (!isFirst) await WaitAsync(isFirst: false, cancel);
        while (!cancel.IsCancellationRequested)
        {
            string why;
            try
            {
                await Task.Run(Connect, CancellationToken.None);
                return;
            }
            catch (Exception e) when (e is WireException or MigrationException && isFirst)
            {
                inbox.Fail(new MigrationException($"{options.Address}: {e.Message}. The guest goes on here.", e));
                return;
            }
            catch (Exception e) when (e is IOException or WireException or MigrationException)
            {
                why = e.Message;
            }
            catch (Exception e)
            {
                inbox.Fail(e);
                return;
            }

            if (isFirst && time.Elapsed >= options.ConnectTimeout)
            {
                inbox.Fail(new MigrationException(
                    FormattableString.Invariant(
                        $"{options.Address}: no receiver accepted a connection for {options.ConnectTimeout.TotalSeconds:0.#} s ({why}). ")
                        + "Start `uffd migrate receive` there first. The guest goes on here."));
                return;
            }

            if (machine.Phase == SourcePhase.Complete && time.Elapsed >= options.ConnectTimeout)
            {
                inbox.Post(
                    new SourceInput(SourceEvent.Bye, Text: $"the destination has every page and does not answer any more ({why})"));
                return;
            }

            if (why != told && !isFirst) options.Tell?.Invoke($"no link yet: {why}");
            told = why;
            await WaitAsync(isFirst, cancel);
        }
    }

    private async Task WaitAsync(bool isFirst, CancellationToken cancel)
    {
        try
        {
            _ = await _now.WaitAsync(isFirst ? FirstRetry : options.RetryEvery ?? Timeout.InfiniteTimeSpan, cancel);
        }
        catch (OperationCanceledException)
        {
            // The migration has ended.
        }
    }

    private void Connect()
    {
        Link link = new(++_links, options.Channels, options.PeerTimeout, options.Placement, (lost, why) =>
        {
            if (why is IOException or WireException)
                inbox.Post(new SourceInput(SourceEvent.LinkDown, Link: lost, Text: why.Message));
            else inbox.Fail(why);
        });
        try
        {
            ulong running = 0;
            UInt128 destination = 0;
            for (int number = 0; number <= options.Channels; number++)
            {
                Hello hello = new(Hello.Current, Hello.Current, number, options.Channels, _migration, link.Number);
                Lane lane = Open(hello, out ulong epoch, out UInt128 who);
                if (number == 0) (running, destination) = (epoch, who);
                if (who != destination)
                {
                    lane.Dispose();
                    throw new IOException("its lanes lead to two destinations");
                }

                _ = link.TryAdd(lane);
            }

            inbox.Post(new SourceInput(SourceEvent.LinkUp, running, link, Destination: destination));
            link.Read(link.Urgent, lane => lanes.Read(link, lane));
            foreach (Lane lane in link.Background) link.Read(lane, l => lanes.Read(link, l));
            link.Watch();
        }
        catch
        {
            link.Dispose();
            throw;
        }
    }

    private Lane Open(in Hello hello, out ulong epoch, out UInt128 destination)
    {
        try
        {
            return Handshake.Open(options.Address, options.Tls, hello, machine.Epoch, out epoch, out destination);
        }
        catch (WireException e) when (hello.Lane > 0)
        {
            // The urgent lane was accepted and is lost by now: this is no refusal of the guest, so the next link is another attempt.
            throw new IOException(e.Message, e);
        }
    }
}
