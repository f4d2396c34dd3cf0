using System.Reflection;
using Akka.Configuration;
using UffdActors.Model.Backends;

namespace UffdActors.Modules;

/// <summary>
/// A memory module of somebody else, loaded by configuration: <c>uffd.modules = ["Type, Assembly"]</c>. The type needs a public constructor
/// that takes the module's own settings (<c>uffd.module.NAME</c>) as a <see cref="Config"/>, or none.
/// </summary>
internal static class ModuleLoader
{
    /// <summary>Loads every module that the settings name.</summary>
    /// <exception cref="ModuleException">One cannot be loaded; the message says which, and why.</exception>
    public static void LoadAll(ModuleTable table, UffdSettings settings)
    {
        foreach (string name in settings.Modules) table.Load(Create(name, settings.Config), settings.LaxModules);
    }

    private static MemoryModule Create(string name, Config config) => name switch
    {
        "shmem" => new Shmem(),
        "guest-memfd" => new GuestMemfd(),
        "hugetlb" => new Hugetlb(),
        _ when name.Contains(',', StringComparison.Ordinal) => Load(name, config),
        _ => throw new ModuleException(
            $"There is no built-in memory module \"{name}\"; built in are shmem, guest-memfd and hugetlb. One of your own is named \"Type, Assembly\"."),
    };

    private static MemoryModule Load(string typeName, Config config)
    {
        Type type = Find(typeName);
        if (!typeof(MemoryModule).IsAssignableFrom(type))
            throw new ModuleException($"Memory module \"{typeName}\" is not a {nameof(MemoryModule)}.");
        try
        {
            ConstructorInfo? withConfig = type.GetConstructor([typeof(Config)]);
            if (withConfig is null) return (MemoryModule)Activator.CreateInstance(type)!;
            Config own = config.GetConfig("uffd.module") ?? ConfigurationFactory.Empty;
            return (MemoryModule)withConfig.Invoke([own]);
        }
        catch (Exception e)
        {
            Exception cause = e is TargetInvocationException { InnerException: { } inner } ? inner : e;
            throw new ModuleException($"Memory module \"{typeName}\" cannot be made: {cause.Message}", cause);
        }
    }

    private static Type Find(string typeName)
    {
        try
        {
            return Type.GetType(typeName, throwOnError: true)!;
        }
        catch (Exception e)
        {
            throw new ModuleException(
                $"Memory module \"{typeName}\" cannot be found: {e.Message} Its assembly must be beside the program's, or referenced by it.", e);
        }
    }
}
