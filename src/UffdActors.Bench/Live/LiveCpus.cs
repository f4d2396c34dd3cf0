namespace UffdActors.Bench.Live;

/// <summary>Where threads are bound.</summary>
/// <param name="Loop">CPU of the loop.</param>
/// <param name="Vcpus">CPU of all vCPUs.</param>
internal readonly record struct LiveCpus(int Loop, int Vcpus);
