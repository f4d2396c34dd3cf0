using System.CommandLine;
using UffdActors.Cli.Options;
using UffdActors.Cli.Reports;

namespace UffdActors.Cli.Commands;

/// <summary><c>uffd backends</c>: the loaded memory modules, what their tables say, and what REGISTER reports.</summary>
internal static class BackendsCommand
{
    public static Command Build(CommandHost host)
    {
        Command command = new("backends", "Print the loaded memory modules: modes and ioctls of their tables, and what REGISTER reports.");
        Option<string?> json = TypedOptions.Text("--json", "FILE|-", "Write the answers for machines; - is standard output.");
        RuntimeOptions runtimeOptions = new();
        runtimeOptions.AddTo(command);
        command.Options.Add(json);
        command.SetAction(async (arguments, cancel) =>
        {
            using JsonTarget target = JsonTarget.Open(host.Terminal, arguments.GetValue(json));
            BackendsReport report = await UffdRuntime.UseAsync(
                runtimeOptions.Configuration(arguments), runtime => BackendsReport.AskAsync(runtime, runtimeOptions.Profile(arguments), cancel));
            report.Write(target.TakesOutput ? host.Terminal.Progress : host.Terminal.Out);
            target.Write(JsonText.Of(report));
            return ExitCode.Done;
        });
        return command;
    }
}
