using System.CommandLine;
using System.Globalization;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Reports;
using UffdActors.Conformance.Cells;
using UffdActors.Model;

namespace UffdActors.Cli.Commands;

/// <summary><c>uffd diff</c>: the cells in which two kernels differ, and why.</summary>
internal static class DiffCommand
{
    public static Command Build(Terminal terminal)
    {
        Argument<string> left = new("A") { Description = $"Kernel: {string.Join(", ", KernelProfile.All.Select(p => p.Name))}." };
        Argument<string> right = new("B") { Description = "The other kernel." };
        Option<string?> json = TypedOptions.Json();
        Command command = new("diff", "List the cells in which two kernels differ, by reason.") { left, right, json };
        command.SetAction(async (parsed, cancel) =>
        {
            KernelProfile a = AskCommand.ProfileOf("A", parsed.GetRequiredValue(left));
            KernelProfile b = AskCommand.ProfileOf("B", parsed.GetRequiredValue(right));
            using JsonTarget target = JsonTarget.Open(terminal, parsed.GetValue(json));
            ProfileComparison comparison = await Task.Run(
                () =>
                {
                    CellTable first = CellTable.Of(a, cancel);
                    return ProfileComparison.Of(first, a == b ? first : CellTable.Of(b, cancel));
                },
                cancel);
            target.Write(CellDocument.Of(comparison));
            Write(target.Report, comparison);
            return comparison.Differing.Any(d => d.Reason is null) ? ExitCode.Failed : ExitCode.Done;
        });
        return command;
    }

    private static void Write(Terminal terminal, ProfileComparison comparison)
    {
        string names = $"{comparison.Left.Name} and {comparison.Right.Name}";
        if (comparison.Differing.Count == 0)
        {
            terminal.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{names} agree in all {comparison.Cells} cells"));
            return;
        }

        terminal.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"{names} differ in {comparison.Differing.Count} of {comparison.Cells} cells"));
        foreach (IGrouping<ListedDifference?, DifferingCell> reason in comparison.Differing.GroupBy(d => d.Reason))
        {
            string why = reason.Key is { } listed ? $"{listed.Name} ({listed.Source})" : "NOT LISTED: one of the profiles is wrong";
            terminal.WriteLine("");
            terminal.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{why}: {reason.Count()} cells"));
            foreach (var group in reason.GroupBy(
                d => (d.Cell.Memory.Name, Operation: d.Cell.Operation.Name, Left: ResultOf(d.Left), Right: ResultOf(d.Right))))
            {
                string states = string.Join(' ', group.Select(d => d.Cell.State.Name).Distinct());
                string modes = string.Join(' ', group.Select(d => Cell.LettersOf(d.Cell.Modes)).Distinct());
                terminal.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"  {group.Key.Name}, {group.Key.Operation}: {group.Key.Left} / {group.Key.Right}   ({group.Count()} cells: {states}; "
                        + $"{modes})"));
            }
        }
    }

    private static string ResultOf(CellAnswer answer) => answer.IsReachable ? answer.Result : $"not reachable ({answer.Preparation})";
}
