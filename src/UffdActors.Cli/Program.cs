using System.Globalization;
using UffdActors.Cli;

// Figures and settings are written as in the documentation, whatever the machine speaks.
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

Terminal terminal = Terminal.OfProcess();
using Interruption interruption = new(terminal);
return await interruption.RunAsync(stop => new CommandHost(terminal).RunAsync(args, stop));
