namespace UffdActors.Pictures.History;

/// <summary>A figure of the live view.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Unit">Its unit.</param>
/// <param name="Value">How much it is.</param>
/// <param name="PerSecond">How fast it grows; null for a level.</param>
internal sealed record LiveFigure(string Name, string Unit, long Value, double? PerSecond);
