using System.Runtime.CompilerServices;

namespace UffdActors.Testing;

/// <summary>Before anything else of this assembly runs.</summary>
internal static class PatientClosing
{
    [ModuleInitializer]
    internal static void Set() => Patience.Set();
}
