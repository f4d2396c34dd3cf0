namespace UffdActors.Serve.Tests;

/// <summary>A daemon as a child of a test, which is killed without notice; it says on standard output what happens.</summary>
internal static class Program
{
    /// <summary>The command line of a daemon.</summary>
    public static string[] Daemon(string configuration)
    {
        string host = Environment.ProcessPath!;
        // The test host may have been started by the framework's own program.
        if (Path.GetFileNameWithoutExtension(host) != "dotnet") host = "dotnet";
        return [host, typeof(Program).Assembly.Location, "daemon", configuration];
    }

    private static async Task<int> Main(string[] arguments)
    {
        if (arguments is not ["daemon", var path]) return 2;
        DaemonConfig config = DaemonConfig.Read(path);
        await using UffdRuntime runtime = UffdRuntime.Start(config.Runtime.WithFallback(UffdSettings.Profile("live")));
        ServeDaemon daemon = await ServeDaemon.StartAsync(runtime, config.Options with
        {
            Observer = (session, what) => Say($"{session} {what.Number} {Word(what)}"),
            Log = Say,
        });
        Say("ready");
        TaskCompletionSource stop = new();
        using (System.Runtime.InteropServices.PosixSignalRegistration.Create(
            System.Runtime.InteropServices.PosixSignal.SIGTERM,
            context =>
            {
                context.Cancel = true;
                _ = stop.TrySetResult();
            }))
        {
            await stop.Task;
        }

        await daemon.DisposeAsync();
        Say("left");
        return 0;
    }

    private static string Word(ServeEvent what) => what.Kind switch
    {
        ServeEventKind.Began => "began",
        ServeEventKind.Ended => $"{what.End}",
        ServeEventKind.Refused => $"refused: {what.Message}",
        _ => $"{what.NoteKind}: {what.Message}",
    };

    private static void Say(string what)
    {
        Console.WriteLine(what);
        Console.Out.Flush();
    }
}
