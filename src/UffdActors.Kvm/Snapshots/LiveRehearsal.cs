using System.Reflection;
using System.Runtime.CompilerServices;
using UffdActors.Kvm.State;
using UffdActors.Kvm.Vcpus;

namespace UffdActors.Kvm.Snapshots;

/// <summary>
/// Compiles what vCPUs are stopped, saved and started by, before it is needed: what is JIT-compiled in the pause of a machine makes the
/// first one longer by 10 ms and more.
/// </summary>
internal static class LiveRehearsal
{
    private static readonly Type[] Pausing =
    [
        typeof(VcpuActor), typeof(VcpuThread), typeof(KvmVcpu), typeof(KvmMachine), typeof(StateCalls), typeof(KvmVcpuState),
        typeof(LiveCopy), typeof(GuestPages), typeof(PageMarks), typeof(SnapshotPause),
    ];

    private static int _isDone;

    /// <summary>Compiles it, once in a process.</summary>
    public static void Run()
    {
        if (Interlocked.Exchange(ref _isDone, 1) == 0) Compile(Pausing);
    }

    /// <summary>Compiles the methods of types, and of what the compiler has made of their asynchronous ones.</summary>
    public static void Compile(IEnumerable<Type> types)
    {
        const BindingFlags Own =
            BindingFlags.DeclaredOnly | BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;
        foreach (Type type in types.SelectMany(t => t.GetNestedTypes(BindingFlags.NonPublic).Prepend(t)))
        {
            if (type.ContainsGenericParameters) continue;
            foreach (MethodInfo method in type.GetMethods(Own))
            {
                if (!method.ContainsGenericParameters && !method.IsAbstract) RuntimeHelpers.PrepareMethod(method.MethodHandle);
            }
        }
    }
}
