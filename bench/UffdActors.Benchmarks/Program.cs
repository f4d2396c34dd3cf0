using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

// How long a call over a large region makes a demand wait: no benchmark of many equal runs, but the longest of one.
if (args is ["holds", ..])
{
    await UffdActors.Benchmarks.HoldTimes.RunAsync(args);
    return;
}

// What a daemon has to reach; it is a process of its own.
if (args is ["serve", ..])
{
    Environment.ExitCode = await UffdActors.Benchmarks.Serving.ServeFigures.RunAsync(args);
    return;
}

// A row's own server; see CpusRow.
if (args is ["serve-back-end", _, _])
{
    await UffdActors.Benchmarks.Serving.BackEndServer.RunAsync(args);
    return;
}

// In this process, whose collector is the one of the product (Directory.Build.props): workstation, not concurrent.
// --dry shows that everything runs; its figures mean nothing.
bool dry = args.Contains("--dry");
Job job = (dry ? Job.Dry : Job.Default).WithToolchain(InProcessEmitToolchain.Instance).WithGcServer(false).WithGcConcurrent(false);
BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run([.. args.Where(a => a != "--dry")], DefaultConfig.Instance.AddJob(job));
