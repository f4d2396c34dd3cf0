using System.Globalization;
using UffdActors.Cli;
using UffdActors.Cli.Hosting;

CompiledAtOnce.Restart(args);

// Figures and settings are written with the invariant culture, whatever the locale of the machine.
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

Terminal terminal = Terminal.OfProcess();
using Interruption interruption = new(terminal);
// Not on the first thread: its stack is what `ulimit -s` leaves, and environment and arguments take of it.
return await interruption.RunAsync(stop => Task.Run(() => new CommandHost(terminal).RunAsync(args, stop), CancellationToken.None));
