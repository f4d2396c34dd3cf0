using UffdActors.Watchdog;

/// <summary>
/// Entry point of the watchdog. The runtime starts the program that it runs in once more and names this assembly in
/// <c>DOTNET_STARTUP_HOOKS</c>: .NET then calls <see cref="Initialize"/> before that program's own <c>Main</c>, which is never reached. So
/// there is no second program to find, whether the embedder was built, published with its own .NET, made a single file, or installed as a
/// tool. Name and place, outside every namespace, are .NET's.
/// </summary>
internal static class StartupHook
{
    /// <summary>Watches until the runtime has ended, and ends the process.</summary>
    public static void Initialize() => Environment.Exit(WatchdogProgram.Run(Environment.GetCommandLineArgs()));
}
