using Akka.Actor;
using UffdActors.Actors;
using UffdActors.Model.Inputs;

namespace UffdActors.Linux.Live;

/// <summary>The turns in which one kind of memory is filled. A backend that throws fails the call, with EIO, and nothing else.</summary>
internal sealed class LiveBackendActor(VmContext vm, LiveBackend backend) : UntypedActor
{
    public static Props Props(VmContext vm, LiveBackend backend) =>
        Akka.Actor.Props.Create<LiveBackendActor>(vm, backend).WithDispatcher(vm.DispatcherId);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case LiveCall call:
                Run(call);
                break;
            case LiveJob job:
                job.Run();
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void Run(LiveCall call)
    {
        try
        {
            call.Run(backend);
        }
        catch (Exception e)
        {
            vm.Incidents.Report(
                new Incident(IncidentKind.BackendFailed, $"{backend.GetType().Name} failed at 0x{call.Start:x}: {ForeignText.Of(e)}", e));
        }
    }

    protected override void PostStop()
    {
        backend.Free();
        base.PostStop();
    }
}
