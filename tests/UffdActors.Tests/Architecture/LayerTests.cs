using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using UffdActors.Model.Mapping;
using UffdActors.Testing;

namespace UffdActors.Tests.Architecture;

/// <summary>Arrows point down only, core names no backend, and raw memory stays in its rooms (RING L1). Read from the sources.</summary>
public sealed partial class LayerTests
{
    /// <summary>What each project may refer to; a new one has to be put here, in its place.</summary>
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["UffdActors.Abi"] = [],
        ["UffdActors.Model"] = ["UffdActors.Abi"],
        ["UffdActors"] = ["UffdActors.Model"],
        ["UffdActors.SampleRom"] = ["UffdActors.Model"],
        ["UffdActors.Watchdog"] = ["UffdActors.Abi"],
        ["UffdActors.Linux"] = ["UffdActors", "UffdActors.Watchdog"],
        ["UffdActors.Conformance"] = ["UffdActors"],
        ["UffdActors.Recorder"] = ["UffdActors.Conformance", "UffdActors.Linux"],
        ["UffdActors.PostCopy"] = ["UffdActors"],
        ["UffdActors.Kvm"] = ["UffdActors.Linux", "UffdActors.PostCopy"],
        ["UffdActors.Serve"] = ["UffdActors.Linux"],
        ["UffdActors.Hosting"] = ["UffdActors", "UffdActors.Serve"],
        ["UffdActors.Pictures"] = ["UffdActors"],
        ["UffdActors.Bench"] = ["UffdActors", "UffdActors.PostCopy", "UffdActors.Linux", "UffdActors.Kvm"],
        ["UffdActors.Samples"] = ["UffdActors.Hosting", "UffdActors.Linux", "UffdActors.PostCopy"],
        ["UffdActors.Explore"] = ["UffdActors", "UffdActors.Conformance"],
        ["UffdActors.Stress"] = ["UffdActors", "UffdActors.Linux"],
        ["UffdActors.Mutants"] = ["UffdActors", "UffdActors.Conformance", "UffdActors.Explore"],
    };

    private static readonly string[] MayUseRawMemory = ["UffdActors.Model", "UffdActors.Linux", "UffdActors.Kvm"];

    private static readonly string Source = Path.Combine(SourceTree.Root, "src");

    [Fact]
    public void Project_references_point_down_the_table_only()
    {
        foreach (string file in Directory.GetFiles(Source, "*.csproj", SearchOption.AllDirectories))
        {
            string project = Path.GetFileNameWithoutExtension(file);
            string[] references = [
                .. XDocument.Load(file).Descendants("ProjectReference")
                    .Select(r => Path.GetFileNameWithoutExtension(((string)r.Attribute("Include")!).Replace('\\', '/')))];
            // The command stands on all of them.
            if (project == "UffdActors.Cli") continue;
            Assert.True(Allowed.ContainsKey(project), $"{project} has no place in the table of layers");
            string[] wrong = [.. references.Except(Allowed[project])];
            Assert.True(wrong.Length == 0, $"{project} refers to {string.Join(", ", wrong)}");
        }
    }

    [Fact]
    public void Nothing_but_the_model_and_the_binding_may_use_raw_memory()
    {
        foreach (string file in Directory.GetFiles(Source, "*.csproj", SearchOption.AllDirectories))
        {
            bool unsafeBlocks = XDocument.Load(file).Descendants("AllowUnsafeBlocks").Any(e => (string)e == "true");
            Assert.Equal(MayUseRawMemory.Contains(Path.GetFileNameWithoutExtension(file)), unsafeBlocks);
        }
    }

    [Fact]
    public void The_model_knows_neither_Akka_nor_threads_nor_a_clock()
    {
        Regex forbidden = Outside();
        foreach ((string file, string line) in CodeOf("UffdActors.Model")) Assert.False(forbidden.IsMatch(line), $"{file}: {line}");
    }

    [Fact]
    public void Core_names_no_backend()
    {
        // Where backends live, and where the configuration's names become modules.
        string[] homes = [Path.Combine("UffdActors.Model", "Backends"), Path.Combine("UffdActors", "Modules")];
        Regex backends = Backends();
        foreach ((string file, string line) in CodeOf("UffdActors.Model").Concat(CodeOf("UffdActors")))
        {
            if (homes.Any(home => file.Contains(home, StringComparison.Ordinal))) continue;
            Assert.False(backends.IsMatch(line), $"{file}: {line}");
        }
    }

    [Fact]
    public void No_call_suppresses_the_transition_that_lets_a_collection_go_on()
    {
        foreach (string project in Directory.GetDirectories(Source).Select(d => Path.GetFileName(d)!))
        {
            foreach ((string file, string line) in CodeOf(project))
                Assert.False(line.Contains("SuppressGCTransition", StringComparison.Ordinal), $"{file}: {line}");
        }
    }

    [Fact]
    public void Every_project_of_the_product_is_checked_for_banned_symbols()
    {
        XDocument targets = XDocument.Load(Path.Combine(Source, "Directory.Build.targets"));
        Assert.Contains(
            targets.Descendants("PackageReference"), p => (string?)p.Attribute("Include") == "Microsoft.CodeAnalysis.BannedApiAnalyzers");
        Assert.Equal(2, targets.Descendants("AdditionalFiles").Count());
        // Nothing switches the check off.
        foreach (string project in Directory.GetDirectories(Source).Select(d => Path.GetFileName(d)!))
        {
            foreach ((string file, string line) in CodeOf(project))
            {
                if (line.Contains("RS0030", StringComparison.Ordinal)) Assert.Contains("//", line, StringComparison.Ordinal);
            }
        }
    }

    [GeneratedRegex(@"\bAkka\b|\bThread\.|\bTask\b|\bStopwatch\b|\bDateTime\b|\bTimer\b|\basync\b")]
    private static partial Regex Outside();

    // The names of all that ship, as types and in configurations.
    private static Regex Backends()
    {
        MemoryModule[] shipped =
        [
            .. typeof(MemoryModule).Assembly.GetTypes().Where(t => t.IsAssignableTo(typeof(MemoryModule)) && !t.IsAbstract)
                .Select(New).Where(m => m.Ops is not null),
        ];
        Assert.InRange(shipped.Length, 3, int.MaxValue);
        IEnumerable<string> types = shipped.Select(m => m.GetType().Name);
        IEnumerable<string> names = shipped.Select(m => m.Name);
        return new Regex($@"\b({string.Join('|', types)})\b|""({string.Join('|', names)})""");
    }

    private static MemoryModule New(Type type)
    {
        ConstructorInfo made = type.GetConstructors().MinBy(c => c.GetParameters().Length)!;
        return (MemoryModule)made.Invoke([.. made.GetParameters().Select(p => p.DefaultValue)]);
    }

    /// <summary>The lines of a project's code, without comments.</summary>
    private static IEnumerable<(string File, string Line)> CodeOf(string project)
    {
        string separator = Path.DirectorySeparatorChar.ToString();
        foreach (string file in Directory.GetFiles(Path.Combine(Source, project), "*.cs", SearchOption.AllDirectories))
        {
            if (file.Contains(separator + "obj" + separator, StringComparison.Ordinal)
                || file.Contains(separator + "bin" + separator, StringComparison.Ordinal)) continue;
            foreach (string line in File.ReadLines(file))
            {
                string code = line.TrimStart();
                if (!code.StartsWith("//", StringComparison.Ordinal)) yield return (file, line);
            }
        }
    }
}
