namespace UffdActors.Explore.Scenarios;

/// <summary>A registration.</summary>
internal readonly record struct Registered(int Region, RegisterModes Modes);
