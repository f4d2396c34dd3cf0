using System.Diagnostics;
using System.Globalization;
using UffdActors.Linux.Machine;
using UffdActors.Linux.Needs;
using UffdActors.Model;
using UffdActors.Recorder.Comparison;
using UffdActors.Recorder.Execution;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Recorder.Tests;

/// <summary>The child process, and what the machine is. Huge pages stay out: their pool belongs to whoever runs the machine.</summary>
internal static class LiveProcess
{
    private static readonly Lazy<MachineReport> Machine = new(MachineReport.Read);

    /// <summary>The machine's conditions; the test is skipped where programs cannot be executed.</summary>
    public static LiveConditions Require()
    {
        ThisKernel.Require();
        try
        {
            KernelProfile? model = LiveConditions.ModelOf(Machine.Value.Kernel.Release);
            Skip.If(model is null, $"No model is Linux {Machine.Value.Kernel.Release}.");
            return LiveConditions.Of(Machine.Value, model!) with { HugePages = false };
        }
        catch (UnsupportedMachineException e)
        {
            ThisKernel.Require(e.Message);
            throw;
        }
    }

    /// <summary>A child.</summary>
    /// <param name="deadline">Time for a step.</param>
    public static ProgramProcess Start(TimeSpan deadline) => new(
        () => new ProcessStartInfo(
            Path.Combine(AppContext.BaseDirectory, "uffd"),
            ["program-server", "--cpu", Machine.Value.Cpus.Allowed[^1].ToString(CultureInfo.InvariantCulture)]),
        deadline);
}
