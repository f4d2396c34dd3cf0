using UffdActors.Bench;
using UffdActors.Conformance.Programs;
using UffdActors.Explore.Reports;
using UffdActors.Explore.Scenarios;
using UffdActors.Kvm;
using UffdActors.Linux;
using UffdActors.Linux.Needs;
using UffdActors.Model.Backends;
using UffdActors.Model.Inputs;
using UffdActors.PostCopy;
using UffdActors.Recorder.Execution;
using UffdActors.Serve;
using UffdActors.Stress.Plan;

namespace UffdActors.Cli.Hosting;

/// <summary>What the exceptions of the library mean at a command line.</summary>
internal static class CommandFailures
{
    /// <summary>The exit code of an expected failure; null for a bug, whose stack trace is to be printed.</summary>
    public static int? ExitCodeOf(Exception exception, CancellationToken cancel) => exception switch
    {
        CommandException command => command.ExitCode,
        OperationCanceledException when cancel.IsCancellationRequested => ExitCode.Interrupted,
        // Ctrl-C reaches the processes of a command as well as the command, and a probe of the machine that it meets says nothing.
        RecorderException or WorkerException or UnsupportedMachineException when cancel.IsCancellationRequested => ExitCode.Interrupted,
        // A refusal like any other, but for what the machine lacks.
        UnsupportedMachineException => ExitCode.Unsupported,
        ImageException or MigrationException or TraceFormatException
            or ConformanceDataException or UffdConfigurationException or ModuleException or UffdException or BenchException
            or ScenarioException or ReplayFileException or StressException
            or KvmStateException or KvmSnapshotException or InputFileException or ServeException => ExitCode.BadInput,
        StalledException or VmFailedException or RecorderException or WorkerException or SyscallException => ExitCode.Failed,
        // A module or a page source did not return in time.
        TimeoutException => ExitCode.Failed,
        // Files are written with their name in the message (CommandException); what is left is standard output.
        IOException => ExitCode.Failed,
        PlatformNotSupportedException or InsufficientMemoryException => ExitCode.Unsupported,
        _ => null,
    };

    /// <summary>Message of an interrupted command that has no result.</summary>
    public const string Interrupted = "interrupted; nothing was verified.";

    /// <summary>The failure in one line.</summary>
    public static string MessageOf(Exception exception) =>
        exception switch
        {
            OperationCanceledException => Interrupted,
            IOException and not InputFileException => $"writing failed: {exception.Message}",
            _ => exception.Message,
        };
}
