using System.CommandLine;
using System.Text;

namespace UffdActors.Cli.Usage;

/// <summary>The manual page uffd(1), made from the commands and their options.</summary>
internal static class ManPage
{
    /// <summary>The page, for <c>man -l</c> or <c>share/man/man1</c>.</summary>
    /// <param name="root">All commands.</param>
    /// <param name="version">Version of the program.</param>
    public static string Of(Command root, string version)
    {
        StringBuilder page = new();
        page.Append(
            $"""
            .TH UFFD 1 "" "uffd {version}" "User Commands"
            .SH NAME
            uffd \- page faults resolved in user space: post-copy migration, exploration, stress, measurement
            .SH SYNOPSIS
            .B uffd
            .I command
            [\fIoptions\fR]
            .SH DESCRIPTION
            {Text(root.Description)}
            .SH COMMANDS

            """);
        foreach (Command command in root.Subcommands.Where(c => !c.Hidden)) Write(page, command, "uffd");
        page.Append(
            """
            .SH "EXIT STATUS"
            .TP
            0
            done and verified
            .TP
            1
            a check failed, or the work could not be done
            .TP
            2
            bad usage or input
            .TP
            3
            not supported on this machine; \fBuffd doctor\fR says what to do
            .TP
            130, 143
            ended by Ctrl\-C, by SIGTERM
            .SH ENVIRONMENT
            .TP
            NO_COLOR
            if it is set, nothing is written in colours
            .TP
            COLUMNS
            width of tables and help where the output is no terminal

            """);
        return page.ToString().ReplaceLineEndings("\n");
    }

    private static void Write(StringBuilder page, Command command, string path)
    {
        string name = $"{path} {command.Name}";
        // One that does something by itself comes before those below it.
        if (command.Action is not null) WriteOne(page, command, name);
        foreach (Command part in command.Subcommands.Where(c => !c.Hidden)) Write(page, part, name);
    }

    private static void WriteOne(StringBuilder page, Command command, string name)
    {
        string arguments = string.Concat(command.Arguments.Where(a => !a.Hidden).Select(a => $" {a.HelpName ?? a.Name}"));
        page.Append($".SS \"{Text(name + arguments)}\"\n{Text(command.Description)}\n");
        foreach (Argument argument in command.Arguments.Where(a => !a.Hidden && a.Description is not null))
            page.Append($".TP\n.I {Text(argument.HelpName ?? argument.Name)}\n{Text(argument.Description)}\n");
        foreach (Option option in command.Options.Where(o => !o.Hidden))
        {
            string value = option.HelpName is { } meaning ? $" \\fI{Text(meaning)}\\fR" : "";
            string standard = option is { HasDefaultValue: true, HelpName: not null }
                && option.GetDefaultValue()?.ToString() is { Length: > 0 } text ? $" Default: {text}." : "";
            page.Append($".TP\n\\fB{Text(option.Name)}\\fR{value}\n{Text(option.Description + standard)}\n");
        }
    }

    // A line that begins with a point or an apostrophe is an instruction; a hyphen that is typed is not one that joins.
    private static string Text(string? text)
    {
        string escaped = (text ?? "").Replace("\\", "\\e", StringComparison.Ordinal).Replace("-", "\\-", StringComparison.Ordinal)
            .Replace("\"", "\\(dq", StringComparison.Ordinal);
        return escaped is ['.' or '\'', ..] ? "\\&" + escaped : escaped;
    }
}
