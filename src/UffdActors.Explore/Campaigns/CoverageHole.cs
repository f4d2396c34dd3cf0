namespace UffdActors.Explore.Campaigns;

/// <summary>Something that no run has reached.</summary>
/// <param name="What">Message and page state, or fault point and outcome.</param>
/// <param name="Reason">Why the explored scenarios cannot reach it; or that they can.</param>
internal readonly record struct CoverageHole(string What, string Reason);
