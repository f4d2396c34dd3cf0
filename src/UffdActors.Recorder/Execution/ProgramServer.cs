using System.Runtime.ExceptionServices;
using UffdActors.Conformance.Programs;

namespace UffdActors.Recorder.Execution;

/// <summary>
/// The child's side: reads programs from its input, a line a step as in a trace, and answers each step with the line of its observation. A
/// header begins a program; after its last step comes the next header, or the end.
/// </summary>
internal static class ProgramServer
{
    /// <summary>Name of the serving thread, by which reports of a hang find it; as long as the kernel allows.</summary>
    public const string ThreadName = "program-server";

    /// <summary>
    /// Serves until the input ends, on a thread of its own: it is bound to a CPU, has its priority, and may sleep for ever.
    /// </summary>
    /// <param name="input">Programs.</param>
    /// <param name="output">Their observations.</param>
    /// <param name="cpu">CPU on which everything runs.</param>
    /// <param name="signalled">Cancelled by a signal to this process; the parent is told before the next program.</param>
    public static void Serve(TextReader input, TextWriter output, int cpu, CancellationToken signalled = default)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(output);
        ExceptionDispatchInfo? failure = null;
        Thread server = new(() =>
        {
            try
            {
                Answer(input, output, cpu, signalled);
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        })
        { Name = ThreadName, IsBackground = true };
        server.Start();
        server.Join();
        failure?.Throw();
    }

    private static void Answer(TextReader input, TextWriter output, int cpu, CancellationToken signalled)
    {
        LiveExecutor? executor = null;
        while (input.ReadLine() is { } line)
        {
            if (executor is null)
            {
                executor = new LiveExecutor(TraceReader.ReadHeader(line), cpu);
                output.WriteLine(ProgramProcess.Ready);
                output.Flush();
                continue;
            }

            if (line == ProgramProcess.Next)
            {
                output.WriteLine(
                    signalled.IsCancellationRequested ? ProgramProcess.Signalled : executor.TryReset() ? ProgramProcess.Ready : "stuck");
                output.Flush();
                // Its exit code says which signal it was.
                signalled.ThrowIfCancellationRequested();
                continue;
            }

            ProgramStep step = TraceReader.ReadOperation(line);
            output.WriteLine(TraceWriter.ToText(new TraceStep(step, executor.Execute(step))));
            output.Flush();
        }
    }
}
