using System.CommandLine;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Usage;

namespace UffdActors.Cli.Commands;

/// <summary><c>uffd completion</c>: what a shell reads to complete the command lines of this program.</summary>
internal static class CompletionCommand
{
    public static Command Build(Terminal terminal)
    {
        (string Name, string Script)[] shells = [("bash", ShellScript.Bash), ("zsh", ShellScript.Zsh), ("fish", ShellScript.Fish)];
        Argument<string> shell = new("SHELL")
        {
            Description = "The shell that reads it.",
            HelpName = string.Join('|', shells.Select(s => s.Name)),
        };
        Command command = new(
            "completion", "Write what a shell reads to complete command lines: source <(uffd completion bash).") { shell };
        command.SetAction(parsed =>
        {
            string name = parsed.GetRequiredValue(shell);
            string script = shells.FirstOrDefault(s => s.Name == name).Script
                ?? throw CommandException.BadInput($"{name}: must be one of {string.Join(", ", shells.Select(s => s.Name))}.");
            terminal.WriteRaw(script);
            return ExitCode.Done;
        });
        return command;
    }
}
