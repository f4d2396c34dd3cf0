using UffdActors.Abi;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;

namespace UffdActors.Explore.Emit;

/// <summary>One call of user space, and its result in the run.</summary>
internal sealed class ScriptCall(CallKind kind)
{
    /// <summary>Kind of call.</summary>
    public CallKind Kind { get; } = kind;

    /// <summary>Thread of an action.</summary>
    public int Thread { get; init; }

    /// <summary>Number of the action.</summary>
    public int Action { get; init; }

    /// <summary>Userfaultfd of everything else.</summary>
    public int Context { get; init; }

    /// <summary>First address.</summary>
    public ulong Address { get; init; }

    /// <summary>Bytes.</summary>
    public ulong Length { get; init; }

    /// <summary>Which fill.</summary>
    public FillKind Fill { get; init; }

    /// <summary>Word in the first page of its source, which identifies the source's page; 0 for zeros.</summary>
    public ulong Content { get; init; }

    /// <summary>Modes of the fill.</summary>
    public FillModes Modes { get; init; }

    /// <summary>When it began in the run, in steps.</summary>
    public int First { get; init; }

    /// <summary>When it ended in the run, in steps; the maximum if it did not.</summary>
    public int Last { get; set; } = int.MaxValue;

    /// <summary>An access that was queued at a userfaultfd.</summary>
    public bool Faulted { get; set; }

    /// <summary>Its place in the program.</summary>
    public long Order { get; set; }

    /// <summary>It has ended in the run.</summary>
    public bool HasEnded { get; set; }

    /// <summary>Its errno.</summary>
    public Errno Error { get; set; }

    /// <summary>The signed out field of a fill.</summary>
    public long? Out { get; set; }

    /// <summary>The errno that has stopped a fill that has not returned yet.</summary>
    public Errno Stopped { get; set; }

    /// <summary>Bytes that it has done.</summary>
    public long Done { get; set; }

    /// <summary>How an access ended; null for calls.</summary>
    public AccessOutcome? Outcome { get; set; }

    /// <summary>What was read.</summary>
    public ulong Value { get; set; }
}
