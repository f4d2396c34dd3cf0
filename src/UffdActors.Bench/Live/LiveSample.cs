namespace UffdActors.Bench.Live;

/// <summary>What one run measured.</summary>
/// <param name="FaultsPerSecond">Faults, and so pages, a second, from the first access to the end of the last.</param>
/// <param name="P50Nanoseconds">Median of the accesses, as the vCPUs saw them.</param>
/// <param name="P99Nanoseconds">99th percentile.</param>
/// <param name="CpuNanosecondsPerFault">CPU time of all threads of the process.</param>
/// <param name="AllocatedBytesPerFault">Managed bytes of all threads; null for a process without any.</param>
internal sealed record LiveSample(
    double FaultsPerSecond, double P50Nanoseconds, double P99Nanoseconds, double CpuNanosecondsPerFault, double? AllocatedBytesPerFault)
{
    /// <summary>Measures vCPUs of this process from the gate's opening to the end of the last of them.</summary>
    /// <param name="gate">Their gate.</param>
    /// <param name="work">Their work.</param>
    /// <param name="guest">Ends with the guest, or with a failure.</param>
    /// <param name="cancel">Cancels it.</param>
    public static async Task<LiveSample> TakeAsync(StartGate gate, IReadOnlyList<TimedTouches> work, Task guest, CancellationToken cancel)
    {
        try
        {
            await await Task.WhenAny(gate.Arrived, guest).WaitAsync(cancel);
            // Collect garbage of earlier work now, not during the measurement.
            GC.Collect();
            GC.WaitForPendingFinalizers();
            long allocated = GC.GetTotalAllocatedBytes(precise: true);
            TimeSpan cpu = Environment.CpuUsage.TotalTime;
            gate.Open();
            await await Task.WhenAny(gate.Ended, guest).WaitAsync(cancel);
            cpu = Environment.CpuUsage.TotalTime - cpu;
            allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
            await guest.WaitAsync(cancel);
            return Of(work, cpu, allocated);
        }
        catch
        {
            gate.Abandon();
            throw;
        }
    }

    private static LiveSample Of(IReadOnlyList<TimedTouches> work, TimeSpan cpu, long allocated)
    {
        long[] latencies = [.. work.SelectMany(w => w.Latencies).Order()];
        double seconds = (work.Max(w => w.Ended) - work.Min(w => w.Began)) / 1e9;
        return new LiveSample(
            latencies.Length / seconds, At(0.5), At(0.99), cpu.TotalNanoseconds / latencies.Length, (double)allocated / latencies.Length);

        double At(double share) => latencies[(int)((latencies.Length - 1) * share)];
    }
}
