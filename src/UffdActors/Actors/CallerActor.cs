using UffdActors.Model.Turns;

namespace UffdActors.Actors;

/// <summary>
/// A thread that makes calls for code outside the ring: the embedder through the facade, or a program that is replayed.
/// </summary>
internal sealed class CallerActor(VmContext vm, ActorPort port) : RingActor(vm, port)
{
    private readonly Dictionary<Operation, TaskCompletionSource<Operation>> _waiting = [];

    protected override void OnReceive(object message)
    {
        if (message is VmProtocol.Call call)
        {
            if (call.Cancel.IsCancellationRequested)
            {
                _ = call.Completion.TrySetCanceled(call.Cancel);
                return;
            }

            _waiting.Add(call.Operation, call.Completion);
            Run(call.Operation);
        }
        else
        {
            base.OnReceive(message);
        }
    }

    protected override void Run(Operation operation)
    {
        operation.Step();
        if (operation.TakeFinished() is not { } finished) return;
        if (_waiting.Remove(finished, out TaskCompletionSource<Operation>? completion)) _ = completion.TrySetResult(finished);
        else Vm.Finished?.Invoke(finished);
    }

    protected override void PostStop()
    {
        foreach (TaskCompletionSource<Operation> completion in _waiting.Values)
            _ = completion.TrySetException(new VmFailedException($"{Vm.Name} was stopped before the call had ended."));
        _waiting.Clear();
        base.PostStop();
    }
}
