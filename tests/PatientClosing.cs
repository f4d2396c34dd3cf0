using System.Runtime.CompilerServices;
using UffdActors.Configuration;

namespace UffdActors;

/// <summary>
/// No test asserts that the machine is fast: closing a VM gives up after some seconds where nobody says otherwise, and a machine that is
/// busy with other tests may take them for what it does in milliseconds elsewhere. A test of giving up sets its own time.
/// </summary>
internal static class PatientClosing
{
    [ModuleInitializer]
    internal static void Set() => SlowMachine.Settings = Akka.Configuration.ConfigurationFactory.ParseString("uffd.close-timeout = 300s");
}
