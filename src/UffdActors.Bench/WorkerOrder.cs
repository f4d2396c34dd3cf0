namespace UffdActors.Bench;

/// <summary>What a worker process measures.</summary>
internal sealed record WorkerOrder(string Dispatcher, int Vcpus, BenchContent Content, BenchMode Mode, long Pages, int? Cpu, string? Hocon);
