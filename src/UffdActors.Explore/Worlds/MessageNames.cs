using UffdActors.Actors;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Operations;

namespace UffdActors.Explore.Worlds;

/// <summary>What kind of message an actor is given: for hashes and coverage as a number, for people as words.</summary>
internal sealed class MessageNames
{
    private readonly Dictionary<Type, (int Number, ulong Hash)> _types = [];
    private readonly List<string> _names = [];

    /// <summary>Number of the message's type, in the order in which types were first met.</summary>
    public int NumberOf(object? message) => Of(message).Number;

    /// <summary>The name of a number.</summary>
    public string this[int number] => _names[number];

    /// <summary>Numbers so far.</summary>
    public int Count => _names.Count;

    /// <summary>The part of a trace hash that stands for the message.</summary>
    public ulong HashOf(object? message)
    {
        ulong hash = Of(message).Hash;
        if (message is Fill fill) hash ^= (ulong)(fill.Kind + 1) << 8;
        if (message is PageRequest request) hash ^= (ulong)(request.Phase + 1) << 16;
        return hash;
    }

    /// <summary>The message in words.</summary>
    public static string Describe(object? message, Func<ulong, string> place) => message switch
    {
        null => "(housekeeping)",
        PageRequest request => $"request {place(request.Address)}: {request.Phase}",
        Fill fill => $"{fill.Kind} {place(fill.Start)}{Result(fill)}",
        Access access => $"{((access.Kind & AccessKind.Write) != 0 ? "write" : "read")} {place(access.Address)}{Result(access)}",
        ControlOperation call when Calls.TryGetValue(call, out string? words) => $"{words}{Result(call)}",
        IMonitorCall { Request: { } request } call => $"unprotect {place(request.Address)}{Result((ControlOperation)call)}",
        VmProtocol.Call { Operation: { } operation } => Describe(operation, place),
        VmProtocol.Retry retry => $"retry {place(retry.Request.Address)}",
        VmProtocol.HandlerCrashed => "handler crashed",
        _ => NameOf(message.GetType()),
    };

    /// <summary>The actions of the scenario's threads, by the calls that they are: a chart shows what was asked for, with its arguments.</summary>
    private static System.Runtime.CompilerServices.ConditionalWeakTable<ControlOperation, string> Calls { get; } = [];

    /// <summary>Gives a call the words of its action.</summary>
    public static void Name(Operation operation, string words)
    {
        if (operation is ControlOperation call) Calls.AddOrUpdate(call, words);
    }

    private static string Result(ControlOperation call) => !call.IsFinished ? "" : call.Error == Abi.Errno.None ? " = 0" : $" = {call.Error}";

    private static string Result(Access access) => !access.IsFinished ? "" : access.Outcome switch
    {
        AccessOutcome.Ok => $" = {PageContent.Describe(access.Value)}",
        _ => $" = {access.Outcome}",
    };

    private static string Result(Fill fill) => fill.Error == Abi.Errno.None ? "" : $" = {fill.Error}";

    private (int Number, ulong Hash) Of(object? message)
    {
        Type type = message?.GetType() ?? typeof(void);
        if (_types.TryGetValue(type, out (int Number, ulong Hash) known)) return known;
        string name = NameOf(type);
        known = (_names.Count, TraceHash.Of(name));
        _names.Add(name);
        _types.Add(type, known);
        return known;
    }

    // Mutants derive from the ring's messages, and are to be met under the same names.
    private static string NameOf(Type type)
    {
        if (type == typeof(void)) return "housekeeping";
        while (type.BaseType is { } parent && typeof(Operation).IsAssignableFrom(parent) && parent != typeof(Operation) && parent != typeof(ControlOperation)
            && parent != typeof(Model.Operations.Maps.MapCall))
        {
            type = parent;
        }

        return type.Name;
    }
}
