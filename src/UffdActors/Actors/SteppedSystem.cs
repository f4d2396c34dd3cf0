using Akka.Actor;
using UffdActors.Dispatch.Stepping;

namespace UffdActors.Actors;

/// <summary>An actor system on the stepped dispatcher, in which any number of kernels can be made one after the other.</summary>
internal sealed class SteppedSystem : IDisposable
{
    private int _kernels;

    /// <summary>Starts the system; it belongs to the calling thread.</summary>
    public SteppedSystem()
    {
        System = ActorSystem.Create("stepped", UffdSettings.Profile("stepped").WithFallback(UffdSettings.Reference));
        Loop = SteppedLoop.Of(System);
        Loop.RunUntilQuiet();
    }

    /// <summary>The loop that makes the steps.</summary>
    public SteppedLoop Loop { get; }

    internal ActorSystem System { get; }

    internal string NextName() => $"kernel-{_kernels++}";

    /// <inheritdoc />
    public void Dispose()
    {
        Loop.RunToEnd(System.Terminate());
    }
}
