using System.CommandLine;
using UffdActors.Cli.Options;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Commands.Migrate;

/// <summary>The options of a guest that starts here: memory, vCPUs, and what they do.</summary>
internal sealed class GuestChoice
{
    private const long DefaultMemory = 256L << 20;

    private readonly Option<string?> _image = TypedOptions.Text("--image", "FILE", "Any file as guest memory, rounded up to pages.");
    private readonly Option<long?> _memory =
        TypedOptions.Size("--memory", "Make guest memory instead: zero, repetitive and random pages. Default 256M.", 1);
    private readonly Option<int> _vcpus = TypedOptions.Number("--vcpus", "N", "vCPUs.", 2, 1, GuestLayout.MaxVcpus);
    private readonly Option<Named<WorkloadKind>> _workload = TypedOptions.Choice<WorkloadKind>(
        "--workload",
        "What the vCPUs do.",
        "random",
        [
            new("sequential", WorkloadKind.Sequential), new("random", WorkloadKind.Random), new("zipf", WorkloadKind.Zipf),
            new("stride", WorkloadKind.Stride), new("hot-cold", WorkloadKind.HotCold),
        ]);

    private readonly Option<long> _accesses =
        TypedOptions.Number("--accesses", "N", "Accesses of all vCPUs together, on both sides.", 1_000_000L, 0L, 1_000_000_000_000L);
    private readonly Option<double> _writeRatio = TypedOptions.Number("--write-ratio", "SHARE", "Share of writes, 0 to 1.", 0.3, 0.0, 1.0);
    private readonly Option<ulong> _seed =
        TypedOptions.Number("--seed", "N", "Seed of made memory and workload.", 1UL, 0UL, ulong.MaxValue);

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _image, _memory, _vcpus, _workload, _accesses, _writeRatio, _seed })
            command.Options.Add(option);
        command.Exclude(_image, _memory, "memory is either read or made");
    }

    /// <summary>What the vCPUs do.</summary>
    public WorkloadGuestOptions Options(ParseResult arguments) => new()
    {
        Vcpus = arguments.GetValue(_vcpus),
        Workload = arguments.GetValue(_workload)!.Value,
        Accesses = arguments.GetValue(_accesses),
        WriteRatio = arguments.GetValue(_writeRatio),
        Seed = arguments.GetValue(_seed),
    };

    /// <summary>Its memory.</summary>
    public GuestImage Image(ParseResult arguments, int pageBytes, CancellationToken cancel) => arguments.GetValue(_image) is { } path
        ? GuestImage.FromFile(path, pageBytes)
        : GuestImage.Make(arguments.GetValue(_memory) ?? DefaultMemory, arguments.GetValue(_seed), pageBytes, cancel);
}
