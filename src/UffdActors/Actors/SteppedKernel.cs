using Akka.Actor;
using UffdActors.Dispatch.Stepping;
using UffdActors.Failures;
using UffdActors.Model;
using UffdActors.Model.Inputs;
using UffdActors.Model.Turns;

namespace UffdActors.Actors;

/// <summary>
/// The actor runtime as a kernel for programs: every owner is an actor, every stage a message, and a policy decides which comes next.
/// </summary>
/// <remarks>For the thread of its system.</remarks>
internal sealed class SteppedKernel : IKernel, IDisposable
{
    private const string Dispatcher = "uffd.stepped";

    private readonly SteppedSystem _system;
    private readonly VmContext _vm;
    private readonly VmHealth _health = new();
    private readonly IActorRef _root;

    /// <summary>Makes a kernel.</summary>
    /// <param name="system">System that it runs in.</param>
    /// <param name="machine">Its machine.</param>
    /// <param name="policy">Order of messages.</param>
    /// <param name="splitsTurns">True if looking at published state and acting on it are turns of their own.</param>
    public SteppedKernel(SteppedSystem system, Machine machine, ISteppedPolicy policy, bool splitsTurns = false)
    {
        ArgumentNullException.ThrowIfNull(system);
        _system = system;
        system.Loop.Policy = policy;
        _vm = new VmContext(system.NextName(), Dispatcher, system.Loop, new IncidentLog()) { SplitsTurns = splitsTurns };
        _vm.Finished = operation => Finished?.Invoke(operation);
        _root = system.System.ActorOf(VmActor.Props(_vm, _health), _vm.Name);
    }

    /// <inheritdoc />
    public event Action<Operation>? Finished;

    /// <summary>The loop that makes the steps.</summary>
    public SteppedLoop Loop => _system.Loop;

    /// <inheritdoc />
    public T Attach<T>(T owner)
        where T : Owner
    {
        TaskCompletionSource done = new();
        _root.Tell(new VmProtocol.Attach([owner], done));
        // Only as far as needed: other messages may be on their way, and their order belongs to the policy.
        if (!Loop.RunUntil(() => done.Task.IsCompleted)) throw new InvalidOperationException($"{owner} could not be attached.");
        return owner;
    }

    /// <inheritdoc />
    public void Submit(Operation operation)
    {
        ArgumentNullException.ThrowIfNull(operation);
        operation.Origin.Port.Send(operation);
    }

    /// <inheritdoc />
    public void Run()
    {
        Loop.RunUntilQuiet();
        if (_health.Cause is { } cause) throw new VmFailedException($"The kernel failed: {ForeignText.Of(cause)}", cause);
    }

    /// <summary>Stops the kernel's actors.</summary>
    public void Dispose()
    {
        _system.System.Stop(_root);
        Loop.RunUntilQuiet();
    }
}
