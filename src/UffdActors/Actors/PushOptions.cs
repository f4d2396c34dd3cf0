using Akka.Actor;
using UffdActors.Handling;
using UffdActors.Prefetch;

namespace UffdActors.Actors;

/// <summary>What the background push is made of.</summary>
/// <param name="Reader">Reader of the context that it fills through.</param>
/// <param name="Context">Actor of the context, where demands are waited for.</param>
/// <param name="Thread">The thread on whose behalf it calls.</param>
/// <param name="SourceActor">Actor in front of the source.</param>
/// <param name="Region">Region that it fills.</param>
/// <param name="Pages">What has become of the region's pages.</param>
/// <param name="Progress">What it has done, for reports.</param>
/// <param name="ChunkPages">Base pages in a chunk: whole pages of the region.</param>
/// <param name="UnitPages">Base pages in a page of the region.</param>
/// <param name="Watch">What is known of the source; null if it is asked for nothing else.</param>
/// <param name="Order">Which page comes next; null for from the first to the last.</param>
/// <param name="WindowChunks">Chunks that may be asked for ahead, at least 1.</param>
/// <param name="Rate">Holds it back; null for as fast as it goes.</param>
/// <param name="OnOwnThread">Its turns are on another thread than those of the ring: a demand does not wait behind a chunk.</param>
/// <param name="IsHeld">It is held from the start, as by <see cref="VmProtocol.HoldPush"/>.</param>
/// <param name="KeepsHoles">Pages of zeros are left as holes, where the region allows it (<see cref="ServedRegion.KeepsHoles"/>).</param>
internal sealed record PushOptions(
    FaultReader Reader,
    IActorRef Context,
    MonitorThread Thread,
    IActorRef SourceActor,
    int Region,
    RegionPages Pages,
    PushProgress Progress,
    int ChunkPages,
    int UnitPages = 1,
    SourceWatch? Watch = null,
    IPrefetchOrder? Order = null,
    int WindowChunks = 1,
    PushRate? Rate = null,
    bool OnOwnThread = false,
    bool IsHeld = false,
    bool KeepsHoles = false);
