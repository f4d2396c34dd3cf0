using UffdActors.Cli;

Terminal terminal = Terminal.OfProcess();
using Interruption interruption = new(terminal);
return await interruption.RunAsync(stop => new CommandHost(terminal).RunAsync(args, stop));
