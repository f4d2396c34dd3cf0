namespace UffdActors.PostCopy.Tests.Migration;

/// <summary>What <see cref="ManglingProxy"/> makes of a frame.</summary>
internal enum Wrong
{
    None,
    HeaderBit,
    BodyBit,
    Twice,
    Dropped,
    Late,
    Cut,
    NoFrame,
    Forged,
    Flood,
}
