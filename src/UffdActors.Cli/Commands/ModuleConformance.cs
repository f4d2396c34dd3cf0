using UffdActors.Cli.Hosting;
using UffdActors.Cli.Reports;
using UffdActors.Conformance.Designs;
using UffdActors.Model;
using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Modules;

namespace UffdActors.Cli.Commands;

/// <summary><c>uffd conform --module</c>: the checks of the design study on a memory module of the user's.</summary>
internal static class ModuleConformance
{
    public static int Run(
        Terminal terminal, string file, string? type, string[] settings, KernelProfile profile, string? json, TimeSpan patience)
    {
        using JsonTarget target = JsonTarget.Open(terminal, json);
        MemoryModule module = ModuleLoader.LoadFile(file, type, Settings(settings));
        string? contradiction = ModuleTable.Contradiction(module);
        string letter = LetterOf(profile);
        // A hook that blocks, or that asks to be called again for ever.
        DesignResult result = ModuleCall.Within(
            patience, $"Module \"{module.Facts.Name}\"", () => DesignStudy.Check(letter, profile, () => module, ModuleFloor.Check));
        List<CheckResult> checks = [new("C8", "the table does not contradict itself", contradiction, IsOfDesign: false), .. result.Checks];
        result = result with { Checks = checks };
        target.Write(DesignDocument.Of(new DesignStudy([result])));
        target.Report.WriteLine($"module \"{module.Facts.Name}\" under {profile.Name}: {result.Description}");
        DesignTables.Write(target.Report, result);
        return checks.Exists(c => c is { Failure: not null, IsOfDesign: false }) ? ExitCode.Failed : ExitCode.Done;
    }

    private static string LetterOf(KernelProfile profile) => profile.Shape switch
    {
        OpsShape.Seed => "C",
        OpsShape.Merged => "F",
        _ => throw CommandException.BadInput($"--profile {profile.Name}: its kernel has no table for modules; use seed or linux-7.1."),
    };

    private static Dictionary<string, string> Settings(string[] settings)
    {
        Dictionary<string, string> values = new(StringComparer.Ordinal);
        foreach (string setting in settings)
        {
            int equals = setting.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0) throw CommandException.BadInput($"--set {setting}: write KEY=VALUE, as in rom.file=/path/to/firmware.");
            values[setting[..equals]] = setting[(equals + 1)..];
        }

        return values;
    }
}
