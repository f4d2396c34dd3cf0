namespace UffdActors.Pictures.Recording;

/// <summary>A figure that is read at each look.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Unit">Its unit.</param>
/// <param name="IsCount">True if it only grows.</param>
/// <param name="Read">Reads it; any thread.</param>
internal sealed record WatchedFigure(string Name, string Unit, bool IsCount, Func<long> Read);
