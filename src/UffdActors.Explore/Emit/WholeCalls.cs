using UffdActors.Abi;
using UffdActors.Explore.Scenarios;
using UffdActors.Explore.Scenes;
using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Explore.Emit;

/// <summary>
/// Makes the calls of a script one after the other on the sequential kernel, as a C program makes them: each runs until it has ended or
/// sleeps. Their results must be those of the run; else the run's calls have interleaved, and no C program can repeat it.
/// </summary>
internal sealed class WholeCalls : IDisposable
{
    private readonly RunHost _host;
    private readonly Machine _machine;
    private readonly SequentialKernel _kernel = new();
    private readonly RunScene _twin;
    private readonly Operation?[] _latest;
    private readonly Dictionary<ScriptCall, Operation> _actions = [];
    private readonly HashSet<ulong> _written = [];

    public WholeCalls(RunHost host)
    {
        _host = host;
        _machine = new Machine(host.Scenario.Kernel, ContentKind.Bytes, host.Scenario.MemoryPages);
        _twin = new RunScene(host, _machine, RunParts.Shipped, RunModules.Shipped, _kernel);
        _latest = new Operation?[host.Scenario.Threads.Length];
        foreach (ThreadAction action in Scenario.Setup) _ = _twin.Do(Begin(_twin.Main, action, PageContent.OfWrite(0xFF, 0)));
    }

    private Scenario Scenario => _host.Scenario;

    /// <summary>The first call whose result differs from the run's, in words; null if there is none.</summary>
    public string? FirstDifference(IEnumerable<ScriptCall> calls)
    {
        foreach (ScriptCall call in calls)
        {
            if (Make(call) is { } difference) return difference;
        }

        for (int i = 0; i < Scenario.Contexts.Length; i++)
        {
            if (Scenario.Contexts[i].Handlers > 0) ReadAll(i);
        }

        foreach ((ScriptCall call, Operation operation) in _actions)
        {
            ThreadAction action = ActionOf(call);
            if (operation.IsFinished != call.HasEnded)
            {
                string how = call.HasEnded ? "ends in the run, and sleeps in that order" : "sleeps in the run, and ends in that order";
                return $"\"{action.Format(Scenario)}\" {how}";
            }

            if (!call.HasEnded || action.Kind == ActionKind.Drain) continue;
            bool isSame = operation is Access access
                ? access.Outcome == call.Outcome && (action.Kind != ActionKind.Read || access.Value == call.Value)
                : ThreadScript.ErrorOf(operation) == call.Error;
            if (!isSame) return $"\"{action.Format(Scenario)}\" gives another result in that order";
        }

        return null;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _twin.End(_actions.Values.OfType<ForkProcess>().Select(f => f.Child).OfType<AddressSpace>());
        _machine.Dispose();
    }

    private string? Make(ScriptCall call)
    {
        switch (call.Kind)
        {
            case CallKind.Action:
                if (_latest[call.Thread] is { IsFinished: false })
                {
                    ThreadAction before = Scenario.Threads[call.Thread].Actions[call.Action - 1];
                    return $"\"{before.Format(Scenario)}\" has not ended where its thread goes on";
                }

                Operation operation = Begin(_twin.Threads[call.Thread], ActionOf(call), PageContent.OfWrite(call.Thread, call.Action));
                _actions.Add(call, operation);
                _latest[call.Thread] = operation;
                _ = _kernel.Run(operation);
                return null;
            case CallKind.Read:
                ReadAll(call.Context);
                return null;
            case CallKind.Wake:
                WakeAll(_twin.Contexts[call.Context], call.Address, call.Length);
                return null;
            case CallKind.ClearProtection:
                WriteProtect clear = _kernel.Run(
                    new WriteProtect(_twin.Main, _twin.Contexts[call.Context], call.Address, call.Length, (ulong)WriteProtectModes.Clear));
                return clear.Error == call.Error
                    ? null
                    : $"clearing protection gives {clear.Error} in that order, and {call.Error} in the run";
            case CallKind.PopulateAlias:
                Touch(call.Address);
                return null;
            default:
                return Fill(call);
        }
    }

    private string? Fill(ScriptCall call)
    {
        (int region, int page) = RegionLayout.PlaceOf(call.Address);
        if (call.Fill == FillKind.Continue && Scenario.Regions[region].Alias)
        {
            for (int i = page; i < page + (int)(call.Length >> PageSize.BaseShift); i++) WriteAlias(region, i);
        }

        FillSource source = PageContent.PlaceOf(call.Content) is var (home, first)
            ? FillSource.Buffer(_host.Content.AddressOf(home, first))
            : FillSource.Zero;
        Fill fill = new(_twin.Main);
        fill.Begin(_twin.Contexts[call.Context], call.Fill, call.Address, call.Length, source, call.Modes);
        fill.Step();
        _kernel.Run();
        return fill.Error == call.Error && fill.Out == call.Out
            ? null
            : $"{call.Fill} of {_twin.NameOf(call.Address)} gives {fill.Error} in that order, and {call.Error} in the run";
    }

    private void WriteAlias(int region, int page)
    {
        ulong place = _host.Layout.AddressOf(region, page);
        if (!_written.Add(place) || Scenario.Regions[region].Zeros.Contains(page)) return;
        ulong alias = _host.Layout.AliasOf(region, page);
        Touch(alias);
        if (_twin.Mm.EntryAt(PageSize.PageOf(alias)) is { IsPresent: true } entry)
            _machine.BaseFolios.CopyIn(entry.Folio, 0, _host.Content.AddressOf(region, page), PageSize.Base);
    }

    private void Touch(ulong address)
    {
        Access access = new(_twin.Main);
        access.Begin(address, AccessKind.Read);
        _ = _kernel.Run(access);
    }

    // As the program's reader does it (run-head.c): it wakes threads that sleep in a range that was unmapped or moved, and threads whose
    // faults were read together with an event.
    private void ReadAll(int number)
    {
        UserfaultContext context = _twin.Contexts[number];
        List<ulong> faults = [];
        bool hasRead;
        do
        {
            hasRead = false;
            bool hasEvents = false;
            faults.Clear();
            while (context.TryRead(out UffdMsg message, out _, out _))
            {
                hasRead = true;
                hasEvents |= message.Event != UffdEvent.Pagefault;
                if (message.Event == UffdEvent.Pagefault) faults.Add(message.Address & ~(ulong)(PageSize.Base - 1));
                else if (message.Event == UffdEvent.Remap) WakeAll(context, message.From, message.Length);
                else if (message.Event == UffdEvent.Unmap) WakeAll(context, message.Start, message.End - message.Start);
            }

            foreach (ulong fault in faults.Where(_ => hasEvents)) WakeAll(context, fault, PageSize.Base);
            _kernel.Run();
        }
        while (hasRead);
    }

    private void WakeAll(UserfaultContext context, ulong start, ulong length) =>
        _ = _kernel.Run(new Wake(_twin.Main, context, start, length));

    private Operation Begin(Caller thread, ThreadAction action, ulong value) =>
        ThreadScript.Begin(RunParts.Shipped, _host.Content, _twin, thread, action, value);

    private ThreadAction ActionOf(ScriptCall call) => Scenario.Threads[call.Thread].Actions[call.Action];
}
