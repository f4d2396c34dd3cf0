using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
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
            .Select(file => Load(Path.GetFileNameWithoutExtension(file))).SelectMany(ClassesOf),
    ];

    /// <summary>The classes of the mutants.</summary>
    public static IReadOnlyList<Type> Mutants { get; } = [.. ClassesOf(LoadFrom("tests/UffdActors.Mutants", "UffdActors.Mutants"))];

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

    private static IEnumerable<PropertyInfo> PropertiesOf(MethodInfo method) =>
        method.DeclaringType!.GetProperties(Declared).Where(p => p.GetMethod == method || p.SetMethod == method);

    private static IEnumerable<Type> ClassesOf(Assembly assembly) =>
        assembly.GetTypes().Where(t => t.IsClass && !typeof(Delegate).IsAssignableFrom(t) && !t.Name.Contains('<')
            && !t.IsDefined(typeof(CompilerGeneratedAttribute), inherit: false));

    private static Assembly Load(string project) => project switch
    {
        // The command is built under its own name, and nothing refers to the example of a module.
        "UffdActors.Cli" => Context.LoadFromAssemblyPath(Path.Combine(Command, "uffd.dll")),
        "UffdActors.SampleRom" => LoadFrom("src/" + project, project),
        _ => Context.LoadFromAssemblyPath(Path.Combine(Command, project + ".dll")),
    };

    private static Assembly LoadFrom(string project, string name) =>
        Context.LoadFromAssemblyPath(Path.Combine(FolderOf(project), name + ".dll"));

    private static string FolderOf(string project)
    {
        string built = Path.GetRelativePath(Path.Combine(SourceTree.Root, "tests", "UffdActors.Tests"), AppContext.BaseDirectory);
        return Path.GetFullPath(Path.Combine(SourceTree.Root, project, built));
    }

    /// <summary>Takes the command's copies, so that a type is the same for all that is loaded here.</summary>
    private sealed class CommandContext() : AssemblyLoadContext("built")
    {
        protected override Assembly? Load(AssemblyName assemblyName)
        {
            string file = Path.Combine(Command, assemblyName.Name + ".dll");
            return File.Exists(file) ? LoadFromAssemblyPath(file) : null;
        }
    }
}
