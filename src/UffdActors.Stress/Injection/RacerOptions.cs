using Akka.Actor;
using UffdActors.Handling;
using UffdActors.Stress.Guest;

namespace UffdActors.Stress.Injection;

/// <summary>Parts of a racing resolver.</summary>
/// <param name="Thread">The thread that makes its calls.</param>
/// <param name="Reader">Reader of the context that it fills through.</param>
/// <param name="Context">Actor of the context.</param>
/// <param name="Region">Region that it fills.</param>
/// <param name="Shadow">Content.</param>
/// <param name="Counts">Counts of its results.</param>
internal sealed record RacerOptions(
    MonitorThread Thread, FaultReader Reader, IActorRef Context, int Region, ShadowPages Shadow, InjectedCounts Counts);
