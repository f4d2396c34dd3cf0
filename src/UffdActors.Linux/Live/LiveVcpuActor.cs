using Akka.Actor;
using UffdActors.Actors;

namespace UffdActors.Linux.Live;

/// <summary>Stands for the thread in the ring: it starts and stops it.</summary>
internal sealed class LiveVcpuActor(LiveVcpu vcpu) : UntypedActor
{
    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case VmProtocol.Resume:
                vcpu.Run();
                break;
            case VmProtocol.StopVcpu:
                vcpu.Stop();
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    protected override void PostStop()
    {
        vcpu.Abandon();
        base.PostStop();
    }
}
