using System.Globalization;
using UffdActors.Cli.Hosting;
using UffdActors.Conformance.Cells;
using UffdActors.Conformance.Designs;

namespace UffdActors.Cli.Commands;

/// <summary>What <c>uffd designs</c> and <c>uffd conform --module</c> print of a module under a design.</summary>
internal static class DesignTables
{
    public static void Write(Terminal terminal, DesignResult result)
    {
        terminal.WriteLine($"  modes     shared {ModesOf(result.SharedModes)}; private {ModesOf(result.PrivateModes)}");
        terminal.WriteLine($"  fills     {(result.Fills.Count == 0 ? "none" : string.Join(' ', result.Fills).ToUpperInvariant())}");
        terminal.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"  to write  {result.Members.Count}: {string.Join(", ", result.Members)}"));
        if (result.FaultNanoseconds is { } nanoseconds)
            terminal.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"  cost      {nanoseconds:F0} ns a MINOR fault with its CONTINUE (median, mechanism only)"));
        foreach (CheckResult check in result.Checks)
        {
            if (check.Failure is null) continue;
            string whose = check.IsOfDesign ? "fails, by design" : "FAILS";
            terminal.WriteLine($"  ({check.Number}) {whose}: {check.Rule}");
            terminal.WriteLine($"        {check.Failure}");
        }

        IEnumerable<string> passed = result.Checks.Where(c => c.Failure is null).Select(c => c.Number);
        terminal.WriteLine($"  passes    {string.Join(' ', passed.Select(n => $"({n})"))}");
    }

    private static string ModesOf(IReadOnlyList<RegisterModes> modes) =>
        modes.Count == 0 ? "none" : string.Join(' ', modes.Select(Cell.LettersOf));
}
