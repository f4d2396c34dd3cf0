namespace UffdActors;

/// <summary>One step of a guest: it touches a page.</summary>
/// <param name="Region">Region.</param>
/// <param name="Page">Page within the region.</param>
/// <param name="IsWrite">True for a store.</param>
public readonly record struct GuestStep(int Region, long Page, bool IsWrite);
