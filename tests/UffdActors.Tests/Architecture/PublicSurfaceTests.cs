using System.Reflection;
using Akka.Actor;
using Akka.Configuration;

namespace UffdActors.Tests.Architecture;

/// <summary>An embedder sees no actor: nothing public mentions a type of Akka, but where one is handed in.</summary>
public sealed class PublicSurfaceTests
{
    /// <summary>
    /// Two types of Akka's are there on purpose: <see cref="Config"/>, which is the configuration language of the whole product, and
    /// <see cref="ActorSystem"/>, which an embedder who has one lends to <see cref="UffdRuntime.Borrow"/>. Neither hands out an actor of
    /// ours.
    /// </summary>
    private static readonly Type[] Lent = [typeof(Config), typeof(ActorSystem)];

    private static readonly Assembly Runtime = typeof(UffdRuntime).Assembly;

    [Fact]
    public void No_public_member_mentions_an_actor()
    {
        List<string> leaks = [];
        foreach (Type type in Runtime.GetExportedTypes())
        {
            foreach (MemberInfo member in type.GetMembers(
                BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly))
            {
                foreach (Type mentioned in TypesOf(member).SelectMany(Flatten))
                {
                    if (IsAkka(mentioned) && !Lent.Contains(mentioned)) leaks.Add($"{type.Name}.{member.Name}: {mentioned.Name}");
                }
            }
        }

        Assert.Empty(leaks);
    }

    [Fact]
    public void An_actor_system_is_taken_and_never_given()
    {
        foreach (Type type in Runtime.GetExportedTypes())
        {
            foreach (PropertyInfo property in type.GetProperties(
                BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly))
                Assert.NotEqual(typeof(ActorSystem), property.PropertyType);
            foreach (MethodInfo method in type.GetMethods(
                BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly))
                Assert.False(method.ReturnType == typeof(ActorSystem), $"{type.Name}.{method.Name}");
        }
    }

    [Fact]
    public void Every_asynchronous_call_takes_a_cancellation_token()
    {
        foreach (Type type in Runtime.GetExportedTypes())
        {
            foreach (MethodInfo method in type.GetMethods(
                BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly))
            {
                if (!typeof(Task).IsAssignableFrom(method.ReturnType) || method.IsSpecialName) continue;
                // Code that is handed in brings its own.
                if (method.GetParameters().Any(p => typeof(Delegate).IsAssignableFrom(p.ParameterType))) continue;
                Assert.True(method.GetParameters().Any(p => p.ParameterType == typeof(CancellationToken)), $"{type.Name}.{method.Name}");
            }
        }
    }

    private static bool IsAkka(Type type) => type.Assembly.GetName().Name!.StartsWith("Akka", StringComparison.Ordinal);

    private static IEnumerable<Type> TypesOf(MemberInfo member) => member switch
    {
        MethodInfo method => method.GetParameters().Select(p => p.ParameterType).Append(method.ReturnType),
        ConstructorInfo constructor => constructor.GetParameters().Select(p => p.ParameterType),
        PropertyInfo property => [property.PropertyType],
        FieldInfo field => [field.FieldType],
        EventInfo e => [e.EventHandlerType!],
        _ => [],
    };

    private static IEnumerable<Type> Flatten(Type type)
    {
        if (type.HasElementType) return Flatten(type.GetElementType()!);
        return type.IsGenericType ? type.GetGenericArguments().SelectMany(Flatten).Append(type) : [type];
    }
}
