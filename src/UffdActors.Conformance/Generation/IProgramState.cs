using UffdActors.Abi;
using UffdActors.Conformance.Programs;

namespace UffdActors.Conformance.Generation;

/// <summary>What a generator, or whoever runs a program, has to know of the world in which it runs.</summary>
internal interface IProgramState
{
    /// <summary>The open handles, ascending.</summary>
    IEnumerable<HandleState> Handles { get; }

    /// <summary>The VMAs of the arena in the main process.</summary>
    IEnumerable<AreaState> Areas { get; }

    /// <summary>The files.</summary>
    IEnumerable<FileSummary> Files { get; }

    /// <summary>The accessors of living children.</summary>
    IEnumerable<int> Children { get; }

    /// <summary>True if a call that changes memory may have to wait for an event to be read.</summary>
    bool MayRaiseEvents { get; }

    /// <summary>The step that keeps a thread busy, or null if the thread is free.</summary>
    /// <param name="thread">Accessor.</param>
    BusyThread? Busy(int thread);

    /// <summary>
    /// False if the step makes no sense now: its thread is busy, its handle closed, its file unknown. Such a step is left out, which lets
    /// a program stay one when steps are taken out of it or threads run in another order.
    /// </summary>
    bool CanExecute(ProgramStep step);
}

/// <summary>An open handle.</summary>
/// <param name="Number">Number.</param>
/// <param name="IsInitialized">The handshake is done.</param>
/// <param name="IsNonBlocking">Reading an empty queue gives EAGAIN.</param>
/// <param name="HasMessages">There is something to read.</param>
internal readonly record struct HandleState(int Number, bool IsInitialized, bool IsNonBlocking, bool HasMessages);

/// <summary>A VMA.</summary>
/// <param name="Start">First address.</param>
/// <param name="Bytes">Length.</param>
/// <param name="PageBytes">Page size.</param>
/// <param name="Modes">Registered modes.</param>
internal readonly record struct AreaState(ulong Start, ulong Bytes, ulong PageBytes, RegisterModes Modes);

/// <summary>A file.</summary>
/// <param name="Number">Number.</param>
/// <param name="IsHuge">hugetlb.</param>
/// <param name="Bytes">Size.</param>
internal readonly record struct FileSummary(int Number, bool IsHuge, long Bytes);

/// <summary>What keeps a thread busy.</summary>
/// <param name="Step">The step that has not finished.</param>
/// <param name="Wait">fault, event or read.</param>
internal readonly record struct BusyThread(ProgramStep Step, string Wait);
