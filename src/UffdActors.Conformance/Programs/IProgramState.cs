namespace UffdActors.Conformance.Programs;

/// <summary>The state of a running program, as its generator and caller need it.</summary>
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
    /// False if the step is impossible now: its thread is busy, its handle closed, its file unknown. Such a step is left out, so that a
    /// program stays valid when steps are removed from it or threads run in another order.
    /// </summary>
    bool CanExecute(ProgramStep step);
}
