namespace UffdActors.Bench.Live;

/// <summary>
/// A compiled loop in C, run as a process of its own. It takes <c>-p PAGES -v VCPUS -B MESSAGES -r 1 -b anon|shmem|minor -P same|split</c>,
/// and writes a line <c>run=0 …</c> of <c>name=value</c> with <c>faults</c>, <c>faults_per_s</c>, <c>p50_us</c>, <c>p99_us</c>,
/// <c>user_s</c> and <c>sys_s</c>.
/// </summary>
internal sealed class NativeLoop(string path)
{
    private const string Messages = "64";

    /// <summary>Runs it once.</summary>
    /// <exception cref="BenchException">It cannot be run, fails, or writes something else.</exception>
    public async Task<LiveSample> RunAsync(LiveBenchOptions options, int vcpus, CancellationToken cancel)
    {
        NativeProgram program = new(path);
        await program.RunAsync(
            [
                "-p", NativeProgram.Text(options.Pages), "-v", NativeProgram.Text(vcpus), "-B", Messages, "-r", "1",
                "-b", NativeProgram.BackendOf(options), "-P", NativeProgram.PlacementOf(options),
            ],
            "run=0 ", cancel);
        double cpu = program.Number("user_s") + program.Number("sys_s");
        return new LiveSample(
            program.Number("faults_per_s"), program.Number("p50_us") * 1e3, program.Number("p99_us") * 1e3,
            cpu * 1e9 / program.Number("faults"), null);
    }
}
