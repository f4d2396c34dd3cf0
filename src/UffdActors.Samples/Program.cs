using UffdActors.Samples;

// A sample by its name, and the world that it runs in.
string world = args is [_, "live"] ? "live" : "model";
switch (args)
{
    case ["embed", ..]:
        await EmbedSample.RunAsync(world, Console.Out);
        return 0;
    case ["tcp", ..]:
        await TcpSample.RunAsync(world, Console.Out);
        return 0;
    case ["hosted", ..]:
        await HostedSample.RunAsync(world, Console.Out);
        return 0;
    case ["telemetry", ..]:
        await TelemetrySample.RunAsync(world, Console.Out);
        return 0;
    default:
        Console.Error.WriteLine("UffdActors.Samples embed|tcp|hosted|telemetry [model|live]");
        return 2;
}
