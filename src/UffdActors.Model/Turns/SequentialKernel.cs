namespace UffdActors.Model.Turns;

/// <summary>
/// Runs operations to their end on the calling thread: the same stages that the actors run, in one loop. The stage that is due for the
/// thread of the lowest rank goes first, as on one CPU with strict priorities; among equals the older one.
/// </summary>
/// <remarks>Not safe for several threads.</remarks>
internal sealed class SequentialKernel : IKernel
{
    // Rank above, order of arrival below: one comparison.
    private const int OrderBits = 48;

    private readonly PriorityQueue<Operation, long> _due = new();
    private readonly Func<Owner, int>? _rankOf;
    private readonly LoopPort _port;
    private long _order;

    /// <summary>Makes an idle kernel.</summary>
    /// <param name="rankOf">
    /// A thread's rank, from 0, if it is not to be its own (<see cref="Owner.Rank"/>); asked whenever an operation is sent.
    /// </param>
    public SequentialKernel(Func<Owner, int>? rankOf = null)
    {
        _rankOf = rankOf;
        _port = new LoopPort(this, splitsTurns: false);
    }

    /// <summary>Makes an idle kernel whose caller says which owner's stage is next (<see cref="Step(Operation)"/>).</summary>
    /// <param name="splitsTurns">An access looks in one stage and touches in another, as on real threads.</param>
    internal SequentialKernel(bool splitsTurns)
    {
        _port = new LoopPort(this, splitsTurns);
    }

    /// <inheritdoc />
    public event Action<Operation>? Finished;

    /// <summary>The operations of which a stage is due.</summary>
    internal IEnumerable<Operation> Due => _due.UnorderedItems.Select(item => item.Element);

    /// <summary>Stages run so far.</summary>
    public long Stages { get; private set; }

    /// <inheritdoc />
    public T Attach<T>(T owner)
        where T : Owner
    {
        ArgumentNullException.ThrowIfNull(owner);
        owner.Attach(_port);
        return owner;
    }

    /// <inheritdoc />
    public void Submit(Operation operation) => _port.Send(operation);

    /// <summary>Runs one stage.</summary>
    /// <returns>False if nothing is due: every operation is finished or asleep.</returns>
    public bool Step()
    {
        if (!_due.TryDequeue(out Operation? operation, out _)) return false;
        Stages++;
        operation.Step();
        if (operation.TakeFinished() is { } finished) Finished?.Invoke(finished);
        return true;
    }

    /// <summary>Runs the due stage of one operation, regardless of others.</summary>
    /// <returns>False if it has none that is due: it is finished or asleep.</returns>
    internal bool Step(Operation operation)
    {
        if (!_due.Remove(operation, out _, out _, ReferenceEqualityComparer.Instance)) return false;
        Stages++;
        operation.Step();
        return true;
    }

    /// <summary>Drops an operation that is due.</summary>
    internal void Drop(Operation operation) => _due.Remove(operation, out _, out _, ReferenceEqualityComparer.Instance);

    /// <inheritdoc />
    public void Run()
    {
        while (Step())
        {
        }
    }

    /// <summary>Runs a call, and whatever it sets going, until nothing is due. The call may be asleep afterwards.</summary>
    public T Run<T>(T operation)
        where T : Operation
    {
        Submit(operation);
        Run();
        return operation;
    }

    private sealed class LoopPort(SequentialKernel kernel, bool splitsTurns) : Port
    {
        public override bool SplitsTurns => splitsTurns;

        public override void Send(Operation operation)
        {
            long rank = kernel._rankOf?.Invoke(operation.Origin) ?? operation.Origin.Rank;
            kernel._due.Enqueue(operation, (rank << OrderBits) | kernel._order++);
        }

        public override Port Spawn(Owner child) => this;
    }
}
