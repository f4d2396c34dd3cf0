using System.Globalization;
using UffdActors.Cli;
using UffdActors.Cli.Hosting;

// Before anything that .NET has to load for it.
return DescriptorLimit.IsEnough() ? await RunAsync(args) : ExitCode.Unsupported;

static async Task<int> RunAsync(string[] args)
{
    CompiledAtOnce.Restart(args);

    // Figures and settings are written with the invariant culture, whatever the locale of the machine.
    CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

    Terminal terminal = Terminal.OfProcess();
    using Interruption interruption = new(terminal);
    // Not on the first thread: its stack is what `ulimit -s` leaves, and environment and arguments take of it.
    int code = await interruption.RunAsync(stop => Task.Run(() => new CommandHost(terminal).RunAsync(args, stop), CancellationToken.None));
    // A fault loop whose thread is in a module that does not return would keep the process.
    if (code == ExitCode.Failed) ImmediateEnd.With(code);
    return code;
}
