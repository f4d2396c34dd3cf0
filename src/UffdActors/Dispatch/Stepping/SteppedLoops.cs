using Akka.Actor;

namespace UffdActors.Dispatch.Stepping;

/// <summary>The stepped loop of an actor system.</summary>
internal sealed class SteppedLoops : IExtension
{
    public SteppedLoop? Loop { get; private set; }

    public static SteppedLoops Of(ActorSystem system) => system.WithExtension<SteppedLoops, Provider>();

    public SteppedLoop GetOrAdd() => Loop ??= new SteppedLoop();

    private sealed class Provider : ExtensionIdProvider<SteppedLoops>
    {
        public override SteppedLoops CreateExtension(ExtendedActorSystem system) => new();
    }
}
