using System.CommandLine;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Reports;
using UffdActors.Conformance.Designs;

namespace UffdActors.Cli.Commands;

/// <summary><c>uffd designs</c>: the designs that the seed's table was weighed against, run with unchanged modules.</summary>
internal static class DesignsCommand
{
    public static Command Build(Terminal terminal)
    {
        Option<int> rounds =
            TypedOptions.Number("--rounds", "N", "Interleaved rounds of the measurement; 0 leaves it out.", 15, 0, int.MaxValue);
        Option<string?> json = TypedOptions.Json();
        Command command =
            new("designs", "Run unchanged memory modules through the designs A, B, C, D and F, and check each.") { rounds, json };
        command.SetAction(async (parsed, cancel) =>
        {
            int count = parsed.GetValue(rounds);
            using JsonTarget target = JsonTarget.Open(terminal, parsed.GetValue(json));
            DesignStudy study = await Task.Run(() => DesignStudy.Run(count, cancel), cancel);
            target.Write(DesignDocument.Of(study));
            Terminal report = target.Report;
            foreach (DesignResult result in study.Results)
            {
                report.WriteLine("");
                report.WriteLine($"{result.Module} under {result.Design}: {result.Description}");
                DesignTables.Write(report, result);
            }

            report.WriteLine("");
            report.WriteLine(
                "MOVE is reported for every file mapping and refused by core, whatever the design; it is not counted. E, a hook for each "
                    + "ioctl, has no adapter.");
            return ExitCode.Done;
        });
        return command;
    }
}
