using System.Reflection;
using System.Runtime.Loader;
using UffdActors.Explore.Scenarios;
using UffdActors.Model.Inputs;
using UffdActors.Modules;

namespace UffdActors.Explore.Mutants;

/// <summary>Loads the mutants of an assembly.</summary>
internal static class MutantAssembly
{
    /// <summary>All mutants of the assembly in a file, in the order of their rules and names.</summary>
    /// <exception cref="ScenarioException">The file is no assembly, or has no mutants.</exception>
    public static IReadOnlyList<Mutant> Load(string path)
    {
        Assembly assembly;
        try
        {
            InputFile.Check(path, ModuleLoader.MaxBytes);
            assembly = AssemblyLoadContext.Default.LoadFromAssemblyPath(Path.GetFullPath(path));
        }
        catch (Exception e) when (e is IOException or BadImageFormatException)
        {
            throw new ScenarioException($"--mutants {path}: the assembly cannot be loaded ({e.Message}).", e);
        }

        List<Mutant> mutants;
        try
        {
            mutants = Of(assembly);
        }
        catch (Exception e)
        {
            // What it needs is not there, or a constructor throws: it is any assembly.
            throw new ScenarioException($"--mutants {path}: the mutants of the assembly cannot be made ({ForeignText.Of(e)}).", e);
        }

        return mutants.Count > 0 ? mutants : throw new ScenarioException($"--mutants {path}: the assembly has no mutants in it.");
    }

    /// <summary>All mutants of an assembly.</summary>
    public static List<Mutant> Of(Assembly assembly) =>
    [
        .. assembly.GetTypes()
            .Where(type => typeof(Mutant).IsAssignableFrom(type) && !type.IsAbstract)
            .Select(type => (Mutant)Activator.CreateInstance(type, nonPublic: true)!)
            .OrderBy(mutant => mutant.Rule, StringComparer.Ordinal)
            .ThenBy(mutant => mutant.Name, StringComparer.Ordinal),
    ];
}
