using System.Runtime.InteropServices;
using UffdActors.Cli;

using CancellationTokenSource stop = new();
// The first signal asks for an orderly stop; a second one ends the process.
using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
return await new CommandHost(Terminal.OfProcess()).RunAsync(args, stop.Token);

void Stop(PosixSignalContext signal)
{
    signal.Cancel = !stop.IsCancellationRequested;
    stop.Cancel();
}
