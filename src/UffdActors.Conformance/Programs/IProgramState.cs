namespace UffdActors.Conformance.Programs;

/// <summary>What the generator and the caller of a program have to know of the state in which it runs.</summary>
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
