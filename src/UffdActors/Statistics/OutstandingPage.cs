namespace UffdActors;

/// <summary>A page that is being resolved.</summary>
/// <param name="Region">Number of the region.</param>
/// <param name="Page">First base page of it, within the region.</param>
/// <param name="Address">Its address.</param>
/// <param name="Phase">Where its request is, for reports: on its way to the source, under way as a fill, paused, ...</param>
/// <param name="Attempts">How often it has been tried before.</param>
/// <param name="IsPaused">It was given up and reported (<see cref="IncidentKind"/>); an outage's end or a recovery tries it again.</param>
public readonly record struct OutstandingPage(int Region, long Page, ulong Address, string Phase, int Attempts, bool IsPaused);
