using Akka.Configuration;

namespace UffdActors.Configuration;

/// <summary>
/// What tests put between a configuration and the reference: nothing that a test is about, but time, for the machine that runs it may have
/// none to spare.
/// </summary>
internal static class SlowMachine
{
    /// <summary>Settings for all runtimes of this process that do not set them; null where no tests run.</summary>
    public static Config? Settings { get; set; }
}
