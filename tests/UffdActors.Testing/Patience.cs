using Akka.Configuration;
using UffdActors.Configuration;

namespace UffdActors.Testing;

/// <summary>
/// No test asserts that the machine is fast: closing a VM gives up after some seconds by default, and a machine that is busy with other
/// tests may need them for what takes milliseconds elsewhere. A test of giving up sets its own time.
/// </summary>
internal static class Patience
{
    /// <summary>Gives all runtimes of this process the time.</summary>
    public static void Set() => SlowMachine.Settings = ConfigurationFactory.ParseString("uffd.close-timeout = 300s");
}
