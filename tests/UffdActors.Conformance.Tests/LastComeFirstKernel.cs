using UffdActors.Model.Turns;

namespace UffdActors.Conformance.Tests;

/// <summary>A kernel with a mistake: what became due last runs first, whoever's it is.</summary>
internal sealed class LastComeFirstKernel : IKernel
{
    private readonly Stack<Operation> _due = new();
    private readonly StackPort _port;

    public LastComeFirstKernel() => _port = new StackPort(_due);

    public event Action<Operation>? Finished;

    public T Attach<T>(T owner)
        where T : Owner
    {
        owner.Attach(_port);
        return owner;
    }

    public void Submit(Operation operation) => _due.Push(operation);

    public void Run()
    {
        while (_due.TryPop(out Operation? operation))
        {
            operation.Step();
            if (operation.TakeFinished() is { } finished) Finished?.Invoke(finished);
        }
    }

    private sealed class StackPort(Stack<Operation> due) : Port
    {
        public override void Send(Operation operation) => due.Push(operation);

        public override Port Spawn(Owner child) => this;
    }
}
