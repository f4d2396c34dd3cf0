using UffdActors.PostCopy.Wire;

namespace UffdActors.Cli.Torture;

/// <summary>A disruption, and the frame at which it is made.</summary>
/// <param name="Disruption">What happens.</param>
/// <param name="Kind">The frame's kind; null for any but signs of life.</param>
/// <param name="Number">Which frame of that kind since the disruption before, from 1.</param>
/// <param name="Arrives">The frame still arrives; if not, it is lost, though its sender has sent it.</param>
/// <param name="OfDemand">Frames of the urgent lane only, or of the background lanes only; null for all.</param>
internal sealed record Injection(Disruption Disruption, MessageKind? Kind, int Number, bool Arrives = false, bool? OfDemand = null)
{
    /// <summary>True if a frame on a lane is one of those that are counted.</summary>
    public bool Counts(MessageKind kind, int lane) =>
        (Kind is null ? kind != MessageKind.Ping : kind == Kind) && (OfDemand is null || OfDemand == (lane == 0));
}
