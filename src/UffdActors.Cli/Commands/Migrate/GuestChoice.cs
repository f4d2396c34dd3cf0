using System.CommandLine;
using System.CommandLine.Parsing;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Kvm;
using UffdActors.Kvm.Programs;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Commands.Migrate;

/// <summary>The options of a guest that starts here: of which kind it is, memory, vCPUs, and what they do.</summary>
internal sealed class GuestChoice
{
    private const long DefaultMemory = 256L << 20;
    private const long DefaultKvmMemory = 16L << 20;
    private const int DefaultRounds = 20;
    private const int MostRounds = 1_000_000;
    private static readonly TimeSpan DefaultFirst = TimeSpan.FromMilliseconds(100);

    private readonly Option<Named<bool>> _kind = TypedOptions.Choice<bool>(
        "--guest", "What the guest is: vCPUs of this library, or a KVM guest with a program of uffd vmm run.", "simulated",
        [new("simulated", false), new("kvm", true)]);

    private readonly Option<string?> _image = TypedOptions.Text("--image", "FILE", "Any file as guest memory, rounded up to pages.");
    private readonly Option<long?> _memory = TypedOptions.Size(
        "--memory", "Make guest memory instead: zero, repetitive and random pages. Default 256M, of a KVM guest 16M.", 1);
    private readonly Option<int> _vcpus = TypedOptions.Number("--vcpus", "N", "vCPUs.", 2, 1, GuestLayout.MaxVcpus);
    private readonly Option<Named<WorkloadKind>> _workload = TypedOptions.Choice<WorkloadKind>(
        "--workload",
        "What the vCPUs of a simulated guest do.",
        "random",
        [
            new("sequential", WorkloadKind.Sequential), new("random", WorkloadKind.Random), new("zipf", WorkloadKind.Zipf),
            new("stride", WorkloadKind.Stride), new("hot-cold", WorkloadKind.HotCold),
        ]);

    private readonly Option<long> _accesses = TypedOptions.Number(
        "--accesses", "N", "Accesses of all vCPUs of a simulated guest together, on both sides.", 1_000_000L, 0L, 1_000_000_000_000L);
    private readonly Option<double> _writeRatio =
        TypedOptions.Number("--write-ratio", "SHARE", "Share of writes of a simulated guest, 0 to 1.", 0.3, 0.0, 1.0);
    private readonly Option<ulong> _seed =
        TypedOptions.Number("--seed", "N", "Seed of made memory and workload.", 1UL, 0UL, ulong.MaxValue);
    private readonly Option<Named<ProgramKind>> _program =
        TypedOptions.Choice("--program", "What a KVM guest does with its pages.", ProgramKind.Scatter);
    private readonly Option<int> _rounds =
        TypedOptions.Number("--rounds", "N", "How often a KVM guest visits each page, on both sides.", DefaultRounds, 1, MostRounds);
    private readonly Option<bool> _largePages =
        TypedOptions.Flag("--large-pages", "A KVM guest's own page tables map 2 MiB at a time.");
    private readonly Option<TimeSpan> _first =
        TypedOptions.Duration("--run-first", "How long a KVM guest runs here before it is handed over.", DefaultFirst);

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        Option[] simulated = [_workload, _accesses, _writeRatio];
        Option[] kvm = [_program, _rounds, _largePages, _first];
        foreach (Option option in (Option[])[_kind, _image, _memory, _vcpus, _seed, .. simulated, .. kvm]) command.Options.Add(option);
        command.Exclude(_image, _memory, "memory is either read or made");
        command.Validators.Add(result =>
        {
            bool isKvm = IsKvm(result);
            if ((isKvm ? simulated : kvm).FirstOrDefault(result.Has) is { } other)
                result.AddError($"{other.Name} is for a {(isKvm ? "simulated" : "KVM")} guest: leave it out, or use --guest "
                    + $"{(isKvm ? "simulated" : "kvm")}.");
        });
    }

    /// <summary>True for a KVM guest.</summary>
    public bool IsKvm(ParseResult arguments) => arguments.GetValue(_kind)!.Value;

    /// <summary>The same while the command line is read.</summary>
    public bool IsKvm(CommandResult result) => result.GetValue(_kind) is { Value: true };

    /// <summary>What the vCPUs of a simulated guest do.</summary>
    public WorkloadGuestOptions Options(ParseResult arguments) => new()
    {
        Vcpus = arguments.GetValue(_vcpus),
        Workload = arguments.GetValue(_workload)!.Value,
        Accesses = arguments.GetValue(_accesses),
        WriteRatio = arguments.GetValue(_writeRatio),
        Seed = arguments.GetValue(_seed),
    };

    /// <summary>A KVM guest.</summary>
    /// <exception cref="CommandException">There is no such guest.</exception>
    public GuestPlan Plan(ParseResult arguments, GuestImage image, string? backend, int pageBytes)
    {
        bool isLarge = arguments.GetValue(_largePages);
        GuestPlan plan = new()
        {
            Kind = arguments.GetValue(_program)!.Value,
            MemoryBytes = GuestPlan.MemoryFor(image.Bytes, isLarge),
            Vcpus = arguments.GetValue(_vcpus),
            Rounds = arguments.GetValue(_rounds),
            LargePages = isLarge,
        };
        if (plan.Vcpus > KvmMachineOptions.MaxVcpus)
            throw CommandException.BadInput($"--vcpus {plan.Vcpus}: a KVM guest has {KvmMachineOptions.MaxVcpus} at most.");
        if (plan.Problem() is { } problem) throw CommandException.BadInput(problem);
        if (plan.Kind == ProgramKind.Balloon && pageBytes > GuestPlan.PageBytes)
            throw CommandException.BadInput(
                $"--program balloon gives single pages back, which {backend} does not take; use anon or shmem.");
        return plan;
    }

    /// <summary>How long a KVM guest runs here first; null if nothing is said of it.</summary>
    public TimeSpan? RunFirst(ParseResult arguments) =>
        arguments.CommandResult.Has(_first) ? arguments.GetValue(_first) : null;

    /// <summary>How long it runs here if nothing is said of it.</summary>
    public TimeSpan RunFirstOrDefault(ParseResult arguments) => arguments.GetValue(_first);

    /// <summary>Its memory.</summary>
    public GuestImage Image(ParseResult arguments, int pageBytes, CancellationToken cancel)
    {
        long made = arguments.GetValue(_memory) ?? (IsKvm(arguments) ? DefaultKvmMemory : DefaultMemory);
        return arguments.GetValue(_image) is { } path
            ? GuestImage.FromFile(path, pageBytes)
            : GuestImage.Make(made, arguments.GetValue(_seed), pageBytes, cancel);
    }
}
