namespace UffdActors.Linux.Needs;

/// <summary>CPUs and scheduling.</summary>
/// <param name="Online">CPUs that are online.</param>
/// <param name="Allowed">CPUs that this process may use.</param>
/// <param name="RealTimePriority">"ok", or the errno that a real-time priority gives.</param>
/// <param name="WaitChannels">True if <c>/proc</c> names the function in which a thread sleeps.</param>
internal sealed record CpuFacts(string Online, IReadOnlyList<int> Allowed, string RealTimePriority, bool WaitChannels)
{
    /// <summary>"ok" if wait channels could be asked for, or what came in between.</summary>
    public string WaitChannelsAsked { get; init; } = "ok";
}
