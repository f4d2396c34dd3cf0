using System.Runtime.Versioning;
using UffdActors.Bench.Live;

namespace UffdActors.Bench.Tests;

/// <summary>A loop in C as a process: what it is asked, what it answers, and how it fails.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class NativeLoopTests : IDisposable
{
    private const string Figures = "faults=200 faults_per_s=1000 p50_us=2.5 p99_us=40.0 user_s=0.10 sys_s=0.30";

    private readonly string _folder = Directory.CreateTempSubdirectory("uffd-native-").FullName;

    [Theory]
    [InlineData(LiveBackend.Anon, BenchMode.Missing, LivePlacement.Same, "-p 200 -v 4 -B 64 -r 1 -b anon -P same")]
    [InlineData(LiveBackend.Shmem, BenchMode.Missing, LivePlacement.Split, "-p 200 -v 4 -B 64 -r 1 -b shmem -P split")]
    [InlineData(LiveBackend.Shmem, BenchMode.Minor, LivePlacement.Same, "-p 200 -v 4 -B 64 -r 1 -b minor -P same")]
    internal async Task It_is_asked_for_the_same_run_and_its_figures_are_read(
        LiveBackend backend, BenchMode mode, LivePlacement placement, string arguments)
    {
        string asked = Path.Combine(_folder, "asked");
        string program = Script($"echo \"$@\" > {asked}; echo 'run=0 wall_ms=1 {Figures}'; echo 'median_faults_per_s=1'");
        LiveBenchOptions options = new() { Pages = 200, Backend = backend, Mode = mode, Placement = placement };

        LiveSample sample = await new NativeLoop(program).RunAsync(options, 4, CancellationToken.None);

        Assert.Equal(arguments, (await File.ReadAllTextAsync(asked)).Trim());
        Assert.Equal(new LiveSample(1000, 2500, 40_000, 0.4e9 / 200, null), sample);
    }

    [Theory]
    [InlineData(LiveBackend.Anon, BenchMode.Missing, LivePlacement.Same, "-p 200 -v 4 -r 1 -b anon -P same")]
    [InlineData(LiveBackend.Shmem, BenchMode.Minor, LivePlacement.Split, "-p 200 -v 4 -r 1 -b minor -P split")]
    internal async Task The_one_with_KVM_vCPUs_is_asked_for_the_same_run_and_its_figures_are_read(
        LiveBackend backend, BenchMode mode, LivePlacement placement, string arguments)
    {
        string asked = Path.Combine(_folder, "asked");
        string program = Script(
            $"echo \"$@\" > {asked}; echo 'wall_ms=90.6 faults=200 faults_per_s=45209 us_per_page=88.48 present_us_per_page=13.91'");
        LiveBenchOptions options = new()
        {
            Pages = 200,
            Backend = backend,
            Mode = mode,
            Placement = placement,
            Kind = LiveVcpus.Kvm,
        };

        KvmSample sample = await new KvmNativeLoop(program).RunAsync(options, 4, CancellationToken.None);

        Assert.Equal(arguments, (await File.ReadAllTextAsync(asked)).Trim());
        Assert.Equal(new KvmSample(45_209, 13_910, null), sample);
    }

    [Theory]
    [InlineData("echo 'region: no memory' >&2; exit 1", "ended with 1: region: no memory")]
    [InlineData("echo hello", "wrote no line")]
    [InlineData("echo 'run=0 faults=200 faults_per_s=many'", "no figure user_s")]
    public async Task What_it_does_wrong_is_named_together_with_it(string body, string message)
    {
        string program = Script(body);
        BenchException failure = await Assert.ThrowsAsync<BenchException>(
            () => new NativeLoop(program).RunAsync(new LiveBenchOptions(), 1, CancellationToken.None));
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
        Assert.Contains(program, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_no_program_is_named()
    {
        string file = Path.Combine(_folder, "text");
        await File.WriteAllTextAsync(file, "no program");
        BenchException failure = await Assert.ThrowsAsync<BenchException>(
            () => new NativeLoop(file).RunAsync(new LiveBenchOptions(), 1, CancellationToken.None));
        Assert.Contains(file, failure.Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Script(string body)
    {
        string path = Path.Combine(_folder, "loop");
        File.WriteAllText(path, $"#!/bin/sh\n{body}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return path;
    }
}
