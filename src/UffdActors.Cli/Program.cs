using UffdActors.Cli;

using CancellationTokenSource stop = new();
Console.CancelKeyPress += (_, pressed) =>
{
    // The first Ctrl-C asks for an orderly stop; a second one ends the process.
    pressed.Cancel = !stop.IsCancellationRequested;
    stop.Cancel();
};
return await new CommandHost(Terminal.OfProcess()).RunAsync(args, stop.Token);
