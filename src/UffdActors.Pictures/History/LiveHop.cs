namespace UffdActors.Pictures.History;

/// <summary>A hop of the live view.</summary>
/// <param name="Name">Its name.</param>
/// <param name="MeanNanoseconds">Its mean since the run began.</param>
internal sealed record LiveHop(string Name, double MeanNanoseconds);
