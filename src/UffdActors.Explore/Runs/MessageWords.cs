using System.Globalization;
using System.Runtime.CompilerServices;
using UffdActors.Abi;
using UffdActors.Actors;
using UffdActors.Explore.Faults;
using UffdActors.Explore.Scenarios;
using UffdActors.Explore.Scenes;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;

namespace UffdActors.Explore.Runs;

/// <summary>
/// A message in words, with its arguments and result: for charts, and for stepping through a run.
/// </summary>
internal sealed class MessageWords(Func<ulong, string> placeOf, RegionLayout layout)
{
    /// <summary>The actions of the scenario's threads, by their operations: a chart shows the call that was made.</summary>
    private static ConditionalWeakTable<ControlOperation, string> Calls { get; } = [];

    /// <summary>Gives a call the words of its action.</summary>
    public static void Name(Operation operation, string words)
    {
        if (operation is ControlOperation call) Calls.AddOrUpdate(call, words);
    }

    /// <summary>The message in words.</summary>
    public string Of(object? message) => message switch
    {
        null => "(housekeeping)",
        PageRequest request => $"request {placeOf(request.Address)}: {request.Phase}",
        Fill fill => $"{fill.Kind} {placeOf(fill.Start)}{(fill.Error == Errno.None ? "" : $" = {fill.Error}")}",
        Access access => $"{((access.Kind & AccessKind.Write) != 0 ? "write" : "read")} {placeOf(access.Address)}{Result(access)}",
        ReadMessages read => $"read uffd{Result(read)}",
        ControlOperation call when Calls.TryGetValue(call, out string? words) => $"{words}{Result(call)}",
        IMonitorCall { Request: { } request } call => $"unprotect {placeOf(request.Address)}{Result((ControlOperation)call)}",
        ControlOperation call => $"{NameOf(call)}{Result(call)}",
        WireAnswer answer => AnswerOf(answer),
        WireHold hold => $"{AnswerOf(hold.Answer)}, held back so that the next one overtakes it",
        PushOrder order => $"push asks for {Pages(order.Region, order.FirstPage, order.Pages)}{(order.Failure is null ? "" : " = failed")}",
        PushGate => "push goes behind the demands before it",
        _ => OfRing(message),
    };

    private string OfRing(object message) => message switch
    {
        VmProtocol.Call { Operation: { } operation } => Of(operation),
        RetryRequest retry => $"retry {placeOf(retry.Request.Address)}",
        VmProtocol.HandlerCrashed { During: { } request } => $"handler has crashed on {placeOf(request.Address)}",
        VmProtocol.HandlerCrashed => "handler has crashed",
        VmProtocol.Readable or VmProtocol.LookAgain => "uffd is readable",
        VmProtocol.ReadEvents => "read events",
        VmProtocol.ReadStates => "read page states",
        VmProtocol.Unmapped unmapped => $"unmapped {placeOf(unmapped.Start)} up to {placeOf(unmapped.End - PageSize.Base)}",
        VmProtocol.Settled => "pages are accessible by a call",
        VmProtocol.PushBegun => "a push begins",
        VmProtocol.PartsUnmapped => "parts of the region are unmapped",
        VmProtocol.WakeStray stray => $"wake {placeOf(stray.Address)}, which is in no region",
        VmProtocol.SourceAnswer { IsFailure: true } answer => $"source fails order {answer.Id.ToString(CultureInfo.InvariantCulture)}",
        VmProtocol.SourceAnswer answer =>
            string.Create(
                CultureInfo.InvariantCulture,
                $"source answers order {answer.Id}: {answer.Content} for {answer.Pages} pages from {answer.FirstPage}"),
        VmProtocol.OrderDue due => $"order {due.Id.ToString(CultureInfo.InvariantCulture)} is due",
        VmProtocol.Sweep => "look for orders that are not answered",
        VmProtocol.Probe => "try one page of those that have paused",
        VmProtocol.Release => "go on, the outage is over",
        VmProtocol.HandOutAgain again => $"hand out {placeOf(again.Address)} again",
        VmProtocol.ProbePush => "push tries again",
        VmProtocol.Recover => "recover",
        VmProtocol.OwnerGone => "the process is gone",
        VmProtocol.Resume => "go on",
        VmProtocol.StopVcpu => "stop",
        VmProtocol.Serve or VmProtocol.StartHandlers => "serve faults",
        VmProtocol.StartPush or VmProtocol.StartVcpus or VmProtocol.StartActor or VmProtocol.Attach => "start",
        VmProtocol.StopChildren or VmProtocol.StopVm => "end",
        VmProtocol.RingFailed => "fail closed",
        WireActor.Overdue => "the answer that was held back goes on",
        _ => "(housekeeping)",
    };

    private string AnswerOf(WireAnswer answer)
    {
        string pages = Pages(answer.Order.Region, answer.Order.FirstPage, answer.Order.Pages);
        string what = answer.Order.Urgency == Urgency.Push ? "push" : "demand";
        return answer.Fails ? $"answer for {pages} ({what}) is lost" : $"answer for {pages} ({what})";
    }

    private string Pages(int region, long first, int pages)
    {
        string from = placeOf(AddressOf(first));
        string to = placeOf(AddressOf(first + pages - 1));
        return from == to ? from : $"{from} to {to}";

        ulong AddressOf(long page) => layout.AddressOf(region, (int)(page / layout.UnitPages));
    }

    // A call that is no action of a thread.
    private static string NameOf(ControlOperation call) => call switch
    {
        OwnerCrash => "crash of the owner",
        WriteProtect => "protect",
        Move => "move",
        Wake => "wake",
        Register => "register",
        Unregister => "unregister",
        CloseHandle or ReleaseContext => "close uffd",
        AdviseMemory => "madvise",
        UnmapMemory => "munmap",
        RemapMemory => "mremap",
        ForkProcess => "fork",
        MapCall => "mmap",
        _ => "call",
    };

    private static string Result(ControlOperation call) => !call.IsFinished ? "" : call.Error == Errno.None ? " = 0" : $" = {call.Error}";

    private string Result(ReadMessages read)
    {
        if (!read.IsFinished) return read.IsBlocked ? ", sleeps" : "";
        return read.Error != Errno.None ? $" = {read.Error}" : $" = {string.Join(", ", read.Messages.Select(Message))}";
    }

    private string Message(UffdMsg message) => message.Event switch
    {
        UffdEvent.Pagefault => $"fault {placeOf(message.Address)}{Flags(message.Flags)}",
        UffdEvent.Fork => "fork",
        UffdEvent.Remap => $"remap {placeOf(message.From)} to {placeOf(message.To)}",
        UffdEvent.Remove => $"remove {placeOf(message.Start)} up to {placeOf(message.End - PageSize.Base)}",
        _ => $"unmap {placeOf(message.Start)} up to {placeOf(message.End - PageSize.Base)}",
    };

    private static string Flags(FaultFlags flags)
    {
        string words = (flags & FaultFlags.Write) != 0 ? " write" : " read";
        if ((flags & FaultFlags.Wp) != 0) words += " wp";
        return (flags & FaultFlags.Minor) != 0 ? words + " minor" : words;
    }

    private static string Result(Access access) => !access.IsFinished ? "" : access.Outcome switch
    {
        AccessOutcome.Ok => $" = {PageContent.Describe(access.Value)}",
        _ => $" = {access.Outcome}",
    };
}
