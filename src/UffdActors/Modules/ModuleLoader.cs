using System.Reflection;
using System.Runtime.Loader;
using Akka.Configuration;
using UffdActors.Model.Backends;
using UffdActors.Model.Inputs;
using UffdActors.Model.Mapping;

namespace UffdActors.Modules;

/// <summary>
/// Loads the memory modules that configuration names: built-in ones by name, others as <c>"Type, Assembly"</c>, where the assembly is
/// the name of one that the program references, or the path of a file, in which the type's name without its namespace will do. A module
/// needs a public constructor that takes its settings as <c>IReadOnlyDictionary&lt;string, string&gt;</c> (everything under
/// <c>uffd.module</c>, with its path as the key), or none.
/// </summary>
/// <remarks>A module from a file has a load context of its own, which is unloaded with it.</remarks>
internal sealed class ModuleLoader(TimeSpan? patience = null)
{
    /// <summary>Size that an assembly may have, in bytes.</summary>
    public const long MaxBytes = 256L << 20;

    private static readonly (string Name, Func<MemoryModule> Make)[] BuiltIn =
    [
        ("shmem", static () => new Shmem()), ("guest-memfd", static () => new GuestMemfd()), ("hugetlb", static () => new Hugetlb()),
    ];

    private readonly Dictionary<string, AssemblyLoadContext> _contexts = new(StringComparer.Ordinal);

    /// <summary>Loads every module that the settings name.</summary>
    /// <exception cref="ModuleException">One cannot be loaded; the message says which, and why.</exception>
    public void LoadAll(ModuleTable table, UffdSettings settings)
    {
        ModuleSettings own = new(SettingsOf(settings.Config));
        foreach (string name in settings.Modules)
        {
            AssemblyLoadContext? context = null;
            try
            {
                MemoryModule module = Returned(name, patience ?? ModuleCall.Patience, () =>
                {
                    MemoryModule made = Create(name, own, ref context);
                    ModuleMembers.Check(made);
                    return made;
                });
                table.Load(module, settings.LaxModules);
                if (context is not null) _contexts.Add(module.Facts.Name, context);
            }
            catch
            {
                context?.Unload();
                throw;
            }
        }

        if (own.Misspelled() is { } lost) throw new ModuleException($"uffd.module.{lost}");
    }

    /// <summary>The module is gone from the table: its code may go too.</summary>
    public void Unloaded(string name)
    {
        if (_contexts.Remove(name, out AssemblyLoadContext? context)) context.Unload();
    }

    /// <summary>Makes a module out of the assembly of a file, outside of any runtime.</summary>
    /// <param name="path">The assembly.</param>
    /// <param name="type">The module's type, by its full name or its name alone; null if there is only one.</param>
    /// <param name="settings">Its settings, by the path that they have under <c>uffd.module</c>.</param>
    /// <exception cref="ModuleException">It cannot be found or made; the message says why.</exception>
    public static MemoryModule LoadFile(string path, string? type = null, IReadOnlyDictionary<string, string>? settings = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        return Returned(path, ModuleCall.Patience, () => MakeOf(path, type, settings));
    }

    private static MemoryModule MakeOf(string path, string? type, IReadOnlyDictionary<string, string>? settings)
    {
        CheckFile(path, path);
        Type[] candidates;
        Type? chosen;
        try
        {
            // Stays loaded with the process, which checks this one module and ends.
            Assembly assembly = NewContext(path, path, isCollectible: false).LoadFromAssemblyPath(Path.GetFullPath(path));
            candidates = ModulesOf(assembly);
            chosen = type is not null ? Find(assembly, type) : candidates is [Type only] ? only : null;
        }
        catch (Exception e)
        {
            throw new ModuleException($"{path} cannot be loaded: {ForeignText.Of(e)}", e);
        }

        string there = NamesOf(candidates);
        if (type is not null && chosen is null) throw new ModuleException($"{path} has no type \"{type}\"; of memory modules {there}.");
        if (chosen is null) throw new ModuleException($"{path}: which memory module? {there}; name one with --type.");
        if (settings is { Count: > 0 } && chosen.GetConstructor([typeof(IReadOnlyDictionary<string, string>)]) is null)
            throw new ModuleException(
                $"{path}: {chosen.FullName} has no constructor that takes settings, so \"{settings.Keys.First()}\" would be lost; "
                    + $"leave it out.");
        MemoryModule module = Make(chosen.FullName!, chosen, settings ?? new Dictionary<string, string>());
        ModuleMembers.Check(module);
        return module;
    }

    // A constructor, a static one, and each member are code of the module, which may never return.
    private static MemoryModule Returned(string name, TimeSpan patience, Func<MemoryModule> make)
    {
        try
        {
            return ModuleCall.Within(patience, $"Memory module \"{name}\"", make);
        }
        catch (TimeoutException e)
        {
            throw new ModuleException(e.Message, e);
        }
    }

    // What a module refers to lies beside it, unless the program has it already.
    private static AssemblyLoadContext NewContext(string name, string path, bool isCollectible)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        AssemblyLoadContext context = new(name, isCollectible);
        context.Resolving += (own, wanted) =>
            Path.Combine(folder, wanted.Name + ".dll") is var file && File.Exists(file) ? own.LoadFromAssemblyPath(file) : null;
        return context;
    }

    // The runtime maps an assembly: of a pipe or a device it would wait for the end.
    private static void CheckFile(string name, string path)
    {
        try
        {
            InputFile.Check(path, MaxBytes);
        }
        catch (InputFileException e)
        {
            throw new ModuleException($"{name}: {e.Message}; name the assembly (.dll) of the module.", e);
        }
    }

    private static MemoryModule Create(string name, ModuleSettings settings, ref AssemblyLoadContext? context)
    {
        if (name.Contains(',', StringComparison.Ordinal)) return Make(name, FindType(name, ref context), settings);
        foreach ((string known, Func<MemoryModule> make) in BuiltIn)
        {
            if (known == name) return make();
        }

        throw new ModuleException(
            $"There is no built-in memory module \"{name}\"; built in are {string.Join(", ", BuiltIn.Select(m => m.Name))}. One of your "
                + $"own is named \"Namespace.Type, path/to/file.dll\".");
    }

    private static MemoryModule Make(string name, Type type, IReadOnlyDictionary<string, string> settings)
    {
        if (!typeof(MemoryModule).IsAssignableFrom(type))
            throw new ModuleException($"Memory module \"{name}\" is not a {nameof(MemoryModule)}.");
        try
        {
            ConstructorInfo? withSettings = type.GetConstructor([typeof(IReadOnlyDictionary<string, string>)]);
            return (MemoryModule)(withSettings?.Invoke([settings]) ?? Activator.CreateInstance(type)!);
        }
        catch (Exception e)
        {
            Exception cause = e is TargetInvocationException { InnerException: { } inner } ? inner : e;
            throw new ModuleException($"Memory module \"{name}\" cannot be made: {ForeignText.Of(cause)}", cause);
        }
    }

    private static Type FindType(string name, ref AssemblyLoadContext? context)
    {
        string typeName = name[..name.IndexOf(',', StringComparison.Ordinal)].Trim();
        string assembly = name[(name.IndexOf(',', StringComparison.Ordinal) + 1)..].Trim();
        try
        {
            if (!assembly.EndsWith(".dll", StringComparison.OrdinalIgnoreCase)) return Type.GetType(name, throwOnError: true)!;
            CheckFile(name, assembly);
            context = NewContext(typeName, assembly, isCollectible: true);
            Assembly loaded = context.LoadFromAssemblyPath(Path.GetFullPath(assembly));
            return Find(loaded, typeName) ?? throw new ModuleException(
                $"Memory module \"{name}\" cannot be found: {assembly} has no type \"{typeName}\"; of memory modules "
                    + $"{NamesOf(ModulesOf(loaded))}.");
        }
        catch (Exception e) when (e is not ModuleException)
        {
            throw new ModuleException(
                $"Memory module \"{name}\" cannot be found: {ForeignText.Of(e).TrimEnd('.')}. Name an assembly that the program "
                    + "references, "
                    + $"or the path of its file.", e);
        }
    }

    // By its full name; or without the namespace, if only one module is called so.
    private static Type? Find(Assembly assembly, string name) =>
        assembly.GetType(name) ?? (ModulesOf(assembly).Where(t => t.Name == name).ToArray() is [Type only] ? only : null);

    private static Type[] ModulesOf(Assembly assembly) =>
    [
        .. assembly.GetExportedTypes()
            .Where(t => !t.IsAbstract && !t.ContainsGenericParameters && typeof(MemoryModule).IsAssignableFrom(t)),
    ];

    private static string NamesOf(Type[] modules) =>
        modules.Length == 0 ? "it has none" : "it has " + string.Join(", ", modules.Select(t => ForeignText.Shown(t.FullName!)));

    private static Dictionary<string, string> SettingsOf(Config config)
    {
        Config own = config.GetConfig("uffd.module");
        return own is null
            ? []
            : own.AsEnumerable().Where(entry => entry.Value.IsString() || entry.Value.IsObject())
                .SelectMany(entry => Flatten(entry.Key, entry.Value))
                .ToDictionary(pair => pair.Key, pair => pair.Value, StringComparer.Ordinal);
    }

    private static IEnumerable<KeyValuePair<string, string>> Flatten(string path, Akka.Configuration.Hocon.HoconValue value)
    {
        if (value.IsObject())
        {
            foreach ((string key, Akka.Configuration.Hocon.HoconValue inner) in value.GetObject().Items)
            {
                foreach (KeyValuePair<string, string> pair in Flatten($"{path}.{key}", inner)) yield return pair;
            }
        }
        else if (value.IsString())
        {
            yield return new KeyValuePair<string, string>(path, value.GetString());
        }
    }
}
