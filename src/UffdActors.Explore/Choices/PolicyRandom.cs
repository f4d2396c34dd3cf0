namespace UffdActors.Explore.Choices;

/// <summary>Random numbers for a policy, apart from the stream: what a policy does with them is recorded, they are not.</summary>
internal sealed class PolicyRandom
{
    private ulong _state;

    /// <summary>Starts from a seed.</summary>
    public void Begin(ulong seed) => _state = seed ^ 0xA076_1D64_78BD_642F;

    /// <summary>A number below <paramref name="bound"/>.</summary>
    public int Below(int bound) => (int)(SplitMix.Next(ref _state) % (ulong)bound);
}
