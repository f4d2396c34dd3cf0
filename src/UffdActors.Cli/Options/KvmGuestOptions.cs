using System.CommandLine;
using UffdActors.Cli.Hosting;
using UffdActors.Kvm;
using UffdActors.Kvm.Programs;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Options;

/// <summary>The options of every command that makes a KVM guest: what it works on, and what it does.</summary>
internal sealed class KvmGuestOptions
{
    /// <summary>Most rounds that a guest of these commands makes.</summary>
    public const int MostRounds = 1000;

    private const long DefaultMemory = 16L << 20;

    private readonly Option<string?> _image = TypedOptions.Text("--image", "FILE", "Any file as what the guest works on.");
    private readonly Option<long?> _memory = TypedOptions.Size(
        "--memory", "Make what the guest works on instead: zero, repetitive and random pages. Default 16M.", 1);
    private readonly Option<ulong> _seed = TypedOptions.Number("--seed", "N", "Seed of made memory.", 1UL, 0UL, ulong.MaxValue);
    private readonly Option<int> _vcpus = TypedOptions.Number("--vcpus", "N", "vCPUs.", 2, 1, KvmMachineOptions.MaxVcpus);
    private readonly Option<Named<ProgramKind>> _program =
        TypedOptions.Choice("--program", "What the guest does with its pages.", ProgramKind.Scatter);
    private readonly Option<int> _rounds = TypedOptions.Number("--rounds", "N", "How often it visits each page.", 2, 1, MostRounds);
    private readonly Option<bool> _largePages = TypedOptions.Flag("--large-pages", "The guest's own page tables map 2 MiB at a time.");

    /// <summary>Adds the options to a command.</summary>
    /// <returns>The options that were added.</returns>
    public IReadOnlyList<Option> AddTo(Command command)
    {
        Option[] added = [_image, _memory, _seed, _vcpus, _program, _rounds, _largePages];
        foreach (Option option in added) command.Options.Add(option);
        command.Exclude(_image, _memory, "memory is either read or made");
        return added;
    }

    /// <summary>What the guest works on.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="pageBytes">Bytes of a page of the guest's memory.</param>
    /// <param name="cancel">Cancels.</param>
    public GuestImage Image(ParseResult arguments, int pageBytes, CancellationToken cancel)
    {
        if (arguments.GetValue(_image) is { } path) return GuestImage.FromFile(path, pageBytes);
        long bytes = arguments.GetValue(_memory) ?? DefaultMemory;
        // Before it is made, which takes as long as it is large.
        if (bytes > GuestPlan.MaxMemoryBytes) throw CommandException.BadInput(GuestPlan.TooLarge(bytes));
        return GuestImage.Make(bytes, arguments.GetValue(_seed), pageBytes, cancel);
    }

    /// <summary>The guest over an image.</summary>
    public GuestPlan Plan(ParseResult arguments, GuestImage image)
    {
        bool isLarge = arguments.GetValue(_largePages);
        return new GuestPlan
        {
            Kind = arguments.GetValue(_program)!.Value,
            MemoryBytes = GuestPlan.MemoryFor(image.Bytes, isLarge),
            Vcpus = arguments.GetValue(_vcpus),
            Rounds = arguments.GetValue(_rounds),
            LargePages = isLarge,
        };
    }
}
