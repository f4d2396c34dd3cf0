namespace UffdActors.Explore.Choices;

/// <summary>Random numbers for a policy, apart from the stream: the policy's decisions are recorded, these numbers are not.</summary>
internal sealed class PolicyRandom
{
    private ulong _state;

    /// <summary>Starts from a seed.</summary>
    public void Begin(ulong seed) => _state = seed ^ 0xA076_1D64_78BD_642F;

    /// <summary>A number below <paramref name="bound"/>.</summary>
    public int Below(int bound) => (int)(SplitMix.Next(ref _state) % (ulong)bound);
}
