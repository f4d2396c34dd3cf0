namespace UffdActors.Bench.Live;

/// <summary>
/// A compiled program in C with KVM vCPUs that add up the pages of their share, absent and then present, run as a process of its own. It
/// takes <c>-p PAGES -v VCPUS -r 1 -b anon|shmem|minor -P same|split</c>, and writes a line <c>wall_ms=…</c> of <c>name=value</c> with
/// <c>faults_per_s</c> and <c>present_us_per_page</c>.
/// </summary>
internal sealed class KvmNativeLoop(string path)
{
    /// <summary>Runs it once.</summary>
    /// <exception cref="BenchException">It cannot be run, fails, or writes something else.</exception>
    public async Task<KvmSample> RunAsync(LiveBenchOptions options, int vcpus, CancellationToken cancel)
    {
        NativeProgram program = new(path);
        await program.RunAsync(
            [
                "-p", NativeProgram.Text(options.Pages), "-v", NativeProgram.Text(vcpus), "-r", "1",
                "-b", NativeProgram.BackendOf(options), "-P", NativeProgram.PlacementOf(options),
            ],
            "wall_ms=", cancel);
        return new KvmSample(program.Number("faults_per_s"), program.Number("present_us_per_page") * 1e3, null);
    }
}
