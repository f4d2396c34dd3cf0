using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using System.Xml.Linq;
using UffdActors.Testing;

namespace UffdActors.Tests.Architecture;

/// <summary>All projects of <c>src</c>, and the mutants, as they were built with this test; loaded beside the test's own copies.</summary>
internal static class BuiltAssemblies
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    private static readonly string Command = FolderOf("src/UffdActors.Cli");
    private static readonly AssemblyLoadContext Context = new CommandContext();

    /// <summary>Classes that somebody has written in <c>src</c>.</summary>
    public static IReadOnlyList<Type> Classes { get; } =
    [
        .. Directory.GetFiles(Path.Combine(SourceTree.Root, "src"), "*.csproj", SearchOption.AllDirectories)
            .Select(file => Load(Path.GetRelativePath(SourceTree.Root, Path.GetDirectoryName(file)!))).SelectMany(ClassesOf),
    ];

    /// <summary>The classes of the mutants.</summary>
    public static IReadOnlyList<Type> Mutants { get; } = [.. ClassesOf(Load("tests/UffdActors.Mutants"))];

    /// <summary>What a class declares as virtual, and what it overrides; an accessor stands for its property.</summary>
    public static IEnumerable<MethodInfo> VirtualMethodsOf(Type type) =>
        type.GetMethods(Declared).Where(m => m.IsVirtual && !m.Name.StartsWith('<'));

    /// <summary>The rules that a member or its class is marked with as a mutation point, or null.</summary>
    public static string? RuleOf(MethodInfo method) =>
        RuleOn(method) ?? PropertiesOf(method).Select(RuleOn).FirstOrDefault(rule => rule is not null) ?? RuleOn(method.DeclaringType!);

    /// <summary>The rules that are written beside a member, or null.</summary>
    public static string? RuleOn(MemberInfo member) =>
        member.GetCustomAttributesData().FirstOrDefault(a => a.AttributeType.Name == "MutationPointAttribute")
            ?.ConstructorArguments[0].Value as string;

    /// <summary>Names a method with its class.</summary>
    public static string Text(MethodInfo method) => $"{method.DeclaringType!.FullName}.{method.Name}";

    /// <summary>The properties that a class declares.</summary>
    public static IEnumerable<PropertyInfo> PropertiesOf(Type type) => type.GetProperties(Declared);

    private static IEnumerable<PropertyInfo> PropertiesOf(MethodInfo method) =>
        PropertiesOf(method.DeclaringType!).Where(p => p.GetMethod == method || p.SetMethod == method);

    private static IEnumerable<Type> ClassesOf(Assembly assembly) =>
        assembly.GetTypes().Where(t => t.IsClass && !typeof(Delegate).IsAssignableFrom(t) && !t.Name.Contains('<')
            && !t.IsDefined(typeof(CompilerGeneratedAttribute), inherit: false));

    // The command's copy, if it refers to the project; else what the project itself was built to.
    private static Assembly Load(string project)
    {
        string copy = Path.Combine(Command, NameOf(project) + ".dll");
        return Context.LoadFromAssemblyPath(File.Exists(copy) ? copy : FileOf(project));
    }

    /// <summary>What a project was built to, with this test: at the same place below its folder.</summary>
    /// <param name="project">Its folder, below the root.</param>
    /// <exception cref="InvalidOperationException">It has not been built.</exception>
    public static string FileOf(string project)
    {
        string file = Path.Combine(FolderOf(project), NameOf(project) + ".dll");
        if (File.Exists(file)) return file;
        throw new InvalidOperationException(
            $"{project} has not been built: there is no {file}. Build UffdActors.sln in the configuration of these tests (a new project is "
                + "added to it); to have the project built with them, name it in UffdActors.Tests.csproj as UffdActors.SampleRom is.");
    }

    // The command is built under a name of its own.
    private static string NameOf(string project)
    {
        string name = Path.GetFileName(project);
        XDocument file = XDocument.Load(Path.Combine(SourceTree.Root, project, name + ".csproj"));
        return (string?)file.Descendants("AssemblyName").FirstOrDefault() ?? name;
    }

    private static string FolderOf(string project)
    {
        string built = Path.GetRelativePath(Path.Combine(SourceTree.Root, "tests", "UffdActors.Tests"), AppContext.BaseDirectory);
        return Path.GetFullPath(Path.Combine(SourceTree.Root, project, built));
    }

    /// <summary>
    /// Takes the command's copies, so that a type is the same for all that is loaded here; what the command lacks lies beside what needs
    /// it.
    /// </summary>
    private sealed class CommandContext : AssemblyLoadContext
    {
        public CommandContext()
            : base("built") =>
            Resolving += (own, wanted) => own.Assemblies.Select(a => Path.Combine(Path.GetDirectoryName(a.Location)!, wanted.Name + ".dll"))
                .Where(File.Exists).Select(own.LoadFromAssemblyPath).FirstOrDefault();

        protected override Assembly? Load(AssemblyName assemblyName)
        {
            string file = Path.Combine(Command, assemblyName.Name + ".dll");
            return File.Exists(file) ? LoadFromAssemblyPath(file) : null;
        }
    }
}
