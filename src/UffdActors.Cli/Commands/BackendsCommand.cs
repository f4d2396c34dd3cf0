using System.CommandLine;
using Akka.Configuration;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Reports;

namespace UffdActors.Cli.Commands;

/// <summary><c>uffd backends</c>: the loaded memory modules, what their tables say, and what REGISTER reports.</summary>
internal static class BackendsCommand
{
    public static Command Build(Terminal terminal)
    {
        Command command = new("backends", "Print the loaded memory modules: modes and ioctls of their tables, and what REGISTER reports.");
        Option<string?> json = TypedOptions.Json();
        RuntimeOptions runtimeOptions = new();
        runtimeOptions.AddTo(command);
        command.Options.Add(json);
        command.SetAction(async (arguments, cancel) =>
        {
            using JsonTarget target = JsonTarget.Open(terminal, arguments.GetValue(json));
            Config? config = runtimeOptions.Configuration(arguments);
            if (RuntimeOptions.IsLive(config))
                throw CommandException.BadInput("uffd backends asks the model; for what this machine's kernel registers use uffd doctor.");
            BackendsReport report = await UffdRuntime.UseAsync(
                config, runtime => BackendsReport.AskAsync(runtime, runtimeOptions.Profile(arguments) ?? runtime.Settings.Kernel, cancel));
            report.Write(target.Report.Out);
            target.Write(JsonText.Of("uffd-backends", report));
            return ExitCode.Done;
        });
        return command;
    }
}
