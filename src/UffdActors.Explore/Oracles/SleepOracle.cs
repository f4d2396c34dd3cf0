using UffdActors.Handling;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Userfault;

namespace UffdActors.Explore.Oracles;

/// <summary>
/// Threads that sleep at a userfaultfd: a call on another one does not wake them (SEMANTICS 9.3.13), and when nothing is runnable, each has
/// a request that will wake it, the queues' counts are right, and no event is left unread.
/// </summary>
internal sealed class SleepOracle(RunRecord record) : Oracle(record)
{
    private readonly int[] _sleeping = new int[record.Scene.Contexts.Length];

    /// <inheritdoc />
    public override void BeforeStep()
    {
        for (int i = 0; i < _sleeping.Length; i++) _sleeping[i] = Scene.Contexts[i].Total;
    }

    /// <inheritdoc />
    public override void AfterStep(int step, bool hasChanged)
    {
        if (Host.Order.Message is not Fill fill) return;
        for (int i = 0; i < _sleeping.Length; i++)
        {
            if (Scene.Contexts[i] != fill.Context && Scene.Contexts[i].Total < _sleeping[i])
                Fail("own-waiters", $"{fill.Kind} on {fill.Context} woke a thread that slept at {Scenario.Contexts[i].Name}", step);
        }
    }

    /// <inheritdoc />
    public override void AtQuiet(int step)
    {
        for (int i = 0; i < Scene.Contexts.Length; i++)
        {
            UserfaultContext context = Scene.Contexts[i];
            int sleeping = 0;
            foreach (Access access in context.Waiters())
            {
                sleeping++;
                if (Scene.Service.Readers[i] is { } reader && !IsKnown(reader, access))
                    Fail("no-lost-wake",
                        $"{access.Caller} sleeps on {Scene.NameOf(access.MessageAddress)}, and no request is outstanding for that page",
                        step);
            }

            if (sleeping != context.Total)
                Fail("queues", $"{Scenario.Contexts[i].Name} counts {context.Total} sleeping threads, and there are {sleeping}", step);
            if (Scene.Service.Readers[i] is not null && context.UnreadEvents > 0)
                Fail("events-are-read", $"an event of {Scenario.Contexts[i].Name} is unread, and its reader is idle", step);
        }
    }

    private bool IsKnown(FaultReader reader, Access access)
    {
        ulong page = access.MessageAddress & ~(ulong)(Scene.Layout.PageBytes - 1);
        foreach (PageRequest request in reader.OutstandingRequests())
        {
            if (request.Address == page) return true;
        }

        // The request has paused; or the address is in no region and was reported, and nothing more is done about it.
        return reader.Quarantined.Contains(page) || (reader.Strays.IsAsleep(page) && reader.View.Find(PageSize.PageOf(page)) is null);
    }
}
