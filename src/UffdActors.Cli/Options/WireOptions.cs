using System.CommandLine;
using Akka.Configuration;
using UffdActors.Cli.Guests;
using UffdActors.Cli.Hosting;
using UffdActors.Kvm.Moves;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Options;

/// <summary>The options of both ends of a migration between processes: address, TLS, control socket, patience with the peer.</summary>
internal sealed class WireOptions
{
    /// <summary>Option of an end that another process of this program has started: its number. The end does not outlive it.</summary>
    public const string EndsWith = "--ends-with";

    /// <summary>Option of an end that begins without a rehearsal.</summary>
    public const string Cold = "--no-rehearsal";

    private const string Rehearsal = "uffd-rehearsal-";

    private readonly Argument<string> _address = new("address") { Description = "tcp:HOST:PORT or unix:PATH.", HelpName = "URI" };
    private readonly Option<string?> _certificate = TypedOptions.Text("--tls-cert", "FILE", "Certificate of this side, PEM: TLS.");
    private readonly Option<string?> _key = TypedOptions.Text("--tls-key", "FILE", "Its private key, PEM.");
    private readonly Option<string?> _authority =
        TypedOptions.Text("--tls-ca", "FILE", "Authority that the other side's certificate must come from, PEM.");
    private readonly Option<bool> _plain =
        TypedOptions.Flag("--plain-text", "The network is trusted: without TLS beyond this machine.");
    private readonly Option<TimeSpan> _peerTimeout = TypedOptions.Duration(
        "--peer-timeout", "Time without a sign of life of the other side after which the link counts as lost.", TimeSpan.FromSeconds(10));
    private readonly Option<string?> _control =
        TypedOptions.Text("--control", "PATH", "Unix socket for the other commands of uffd migrate: status, switch, bandwidth and so on.");
    private readonly Option<Named<IReadOnlyList<int>>?> _place = TypedOptions.TwoCpus(
        "--place", "CPU of what a fault waits for (fault loop, vCPUs, urgent lane), and CPU of all the rest. Default: anywhere.");
    private readonly Option<bool> _cold = TypedOptions.Flag(
        Cold, "Do not move a small guest from this process to itself first: the guest's stop takes some 20 ms longer then.");
    private readonly Option<int> _endsWith = new(EndsWith) { Hidden = true };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Arguments.Add(_address);
        foreach (Option option in new Option[] { _certificate, _key, _authority, _plain, _peerTimeout, _control, _place, _cold, _endsWith })
            command.Options.Add(option);
    }

    /// <summary>Begins to watch the process that has started this one, if it wants to be watched.</summary>
    public void WatchParent(ParseResult result)
    {
        if (result.GetValue(_endsWith) is > 0 and var parent) ParentWatch.Start(parent);
    }

    /// <summary>Time without a sign of life.</summary>
    public TimeSpan PeerTimeout(ParseResult result) => result.GetValue(_peerTimeout);

    /// <summary>Where the threads run; null for anywhere. Moves the threads of this process there.</summary>
    /// <param name="result">The command line.</param>
    /// <param name="config">The configuration; the fault loop's CPU comes into it, and with it that of the vCPUs.</param>
    /// <exception cref="CommandException">There is no such CPU.</exception>
    public MigrationPlacement? Placement(ParseResult result, ref Config? config)
    {
        if (result.GetValue(_place) is not { Value: [var urgent, var rest] }) return null;
        foreach (int cpu in new[] { urgent, rest })
        {
            if (!CpuPlacement.IsAvailable(cpu))
                throw CommandException.BadInput($"--place: CPU {cpu} is not available to this process; choose others, or leave it out.");
        }

        CpuPlacement.PinProcess(rest);
        Config loop = ConfigurationFactory.ParseString(FormattableString.Invariant($"uffd.fault-loop.cpu = {urgent}"));
        config = config is null ? loop : loop.WithFallback(config);
        return new MigrationPlacement(urgent, rest);
    }

    /// <summary>JIT-compiles the code of a migration before it begins, where the time matters: with real page faults.</summary>
    public async Task RehearseAsync(
        ParseResult result, Config? config, string? backend, PostCopyMode mode, CancellationToken cancel)
    {
        if (result.GetValue(_cold) || !RuntimeOptions.IsLive(config)) return;
        using TemporaryFolder folder = TemporaryFolder.Create(Rehearsal);
        _ = await MigrationRehearsal.RunAsync(config, backend, mode, folder.Path, cancel);
    }

    /// <summary>The same for a KVM guest.</summary>
    public async Task RehearseKvmAsync(ParseResult result, Config? config, bool copiesFirst, CancellationToken cancel)
    {
        if (result.GetValue(_cold)) return;
        using TemporaryFolder folder = TemporaryFolder.Create(Rehearsal);
        _ = await KvmRehearsal.RunAsync(
            config, copiesFirst, () => new ReceivedGuest(isLive: true, takesKvm: true), folder.Path, cancel);
    }

    /// <summary>Path of the control socket; null for none.</summary>
    public string? Control(ParseResult result) => result.GetValue(_control);

    /// <summary>The address.</summary>
    /// <exception cref="CommandException">It is none, or beyond this machine without TLS.</exception>
    public MigrationAddress Address(ParseResult result)
    {
        string text = result.GetValue(_address)!;
        MigrationAddress address;
        try
        {
            address = MigrationAddress.Parse(text);
        }
        catch (FormatException e)
        {
            throw CommandException.BadInput($"{text}: {e.Message}.");
        }

        if (result.GetValue(_certificate) is null && !result.GetValue(_plain) && !address.IsLocal)
            throw CommandException.BadInput(
                $"{text} is beyond this machine, and a guest's memory would go there as it is: use --tls-cert, --tls-key and --tls-ca, or "
                    + $"--plain-text if the network is trusted.");
        return address;
    }

    /// <summary>TLS; null if it is not asked for.</summary>
    /// <exception cref="CommandException">A part is missing.</exception>
    public MigrationTls? Tls(ParseResult result)
    {
        string?[] parts = [result.GetValue(_certificate), result.GetValue(_key), result.GetValue(_authority)];
        if (parts.All(p => p is null)) return null;
        if (parts is not [{ } certificate, { } key, { } authority])
            throw CommandException.BadInput("--tls-cert, --tls-key and --tls-ca are used together: both sides are checked.");
        return MigrationTls.Read(certificate, key, authority);
    }
}
