namespace UffdActors.Conformance.Cells;

/// <summary>
/// One question about a kernel: a page of some memory in some state, registered with modes in a context with features, and one operation
/// on it. All names are those of the recorded matrices where they have one.
/// </summary>
/// <param name="Memory">Kind of memory.</param>
/// <param name="State">State of the page.</param>
/// <param name="Features">Features of the context.</param>
/// <param name="Modes">Registered modes.</param>
/// <param name="Operation">What is done.</param>
internal sealed record Cell(CellMemory Memory, CellState State, UffdFeatures Features, RegisterModes Modes, CellOperation Operation)
{
    /// <summary>The feature sets that make a difference to a page: none, and those of the recorded matrices.</summary>
    public static IReadOnlyList<UffdFeatures> FeatureSets { get; } =
    [
        UffdFeatures.None,
        UffdFeatures.WpUnpopulated,
        UffdFeatures.WpAsync,
        UffdFeatures.Sigbus | UffdFeatures.WpUnpopulated,
        UffdFeatures.WpAsync | UffdFeatures.Sigbus,
    ];

    /// <summary>
    /// All cells: every memory, state, feature set, mode set and operation. The feature SIGBUS affects faults only, so it is combined with
    /// accesses only.
    /// </summary>
    public static IEnumerable<Cell> All() =>
        from memory in CellMemory.All
        from state in CellState.All
        where state.IsOf(memory)
        from features in FeatureSets
        from modes in Enumerable.Range(1, (int)RegisterModes.All)
        from operation in CellOperation.All
        where operation.IsAccess || (features & UffdFeatures.Sigbus) == 0
        select new Cell(memory, state, features, (RegisterModes)modes, operation);

    /// <summary>
    /// The features on which the answer can depend: SIGBUS affects faults, the others affect write protection, where only markers in
    /// anonymous memory need one.
    /// </summary>
    public UffdFeatures RelevantFeatures
    {
        get
        {
            UffdFeatures relevant = Operation.IsAccess ? UffdFeatures.Sigbus : UffdFeatures.None;
            if ((Modes & RegisterModes.WriteProtect) == 0) return relevant;
            relevant |= UffdFeatures.WpAsync;
            bool putsMarker = !Memory.HasCache && (Operation.Call == CellCall.Protect || State is { Base: CellBase.Hole, Protected: true });
            return putsMarker ? relevant | UffdFeatures.WpUnpopulated : relevant;
        }
    }

    /// <summary>Modes in letters: M, W, I.</summary>
    public static string LettersOf(RegisterModes modes) =>
        ((modes & RegisterModes.Missing) != 0 ? "M" : "")
        + ((modes & RegisterModes.WriteProtect) != 0 ? "W" : "")
        + ((modes & RegisterModes.Minor) != 0 ? "I" : "");

    /// <summary>Features as the recorded matrices name them; any others as they are.</summary>
    public static string NameOf(UffdFeatures features) => features switch
    {
        UffdFeatures.None => "none",
        UffdFeatures.WpUnpopulated => "WP_UNPOP",
        UffdFeatures.WpAsync => "WP_ASYNC",
        UffdFeatures.Sigbus | UffdFeatures.WpUnpopulated => "SIGBUS+UNPOP",
        UffdFeatures.WpAsync | UffdFeatures.Sigbus => "ASYNC+SIGBUS",
        _ => features.ToString(),
    };

    /// <inheritdoc />
    public override string ToString() => $"{Memory.Name}, {State.Name}, {NameOf(Features)}, {LettersOf(Modes)}, {Operation.Name}";
}
