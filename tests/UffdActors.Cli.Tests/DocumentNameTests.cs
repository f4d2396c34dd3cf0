using UffdActors.Testing;

namespace UffdActors.Cli.Tests;

/// <summary>Every command with <c>--json</c> writes a document of one form, in one way.</summary>
public class DocumentNameTests
{
    // Two processes, a guest that wants the machine for itself, or KVM: these classes hold the form of their documents.
    private static readonly (string Command, string Class)[] Elsewhere =
    [
        ("uffd migrate send", nameof(MigrateTests)), ("uffd migrate receive", nameof(MigrateTests)),
        ("uffd migrate torture", nameof(TortureTests)), ("uffd bench memory", nameof(BenchMemoryTests)),
        ("uffd vmm run", nameof(VmmRunTests)), ("uffd serve", nameof(ServeTests)), ("uffd serve status", nameof(ServeTests)),
        ("uffd serve list", nameof(ServeTests)), ("uffd vmm snapshot", nameof(VmmSnapshotTests)),
        ("uffd vmm restore", nameof(VmmSnapshotTests)), ("uffd vmm clone", nameof(VmmSnapshotTests)),
        ("uffd vmm migrate", nameof(VmmMigrateTests)),
    ];

    /// <summary>The kind of a document, and a command that writes it.</summary>
    public static TheoryData<string, string[]> Documents => new()
    {
        { "uffd-postcopy", ["postcopy", "--memory", "64K", "--accesses", "100"] },
        { "uffd-backends", ["backends"] },
        { "uffd-explore", ["explore", "--scenario", "tiny-fault", "--schedules", "10", "--threads", "1"] },
        { "uffd-conform", ["conform", "--filter", "events-1.", "--seeds", "0", "--via", "kernel"] },
        { "uffd-ask", ["ask", "--backend", "anon", "--state", "none", "--modes", "M", "--do", "copy"] },
        { "uffd-diff", ["diff", "linux-6.18", "linux-6.18"] },
        { "uffd-designs", ["designs", "--rounds", "0"] },
        { "uffd-doctor", ["doctor"] },
        {
            "uffd-stress",
            [
                "stress", "--world", "model", "--rounds", "1", "--duration", "30", "--pages", "16", "--vcpus", "2", "--load", "0", "--gc",
                "off",
            ]
        },
        { "uffd-bench-faults", ["bench", "faults", "--vcpus", "1", "--pages", "64", "--repeats", "1"] },
        { "uffd-bench-events", ["bench", "events", "--events", "64", "--regions", "1", "--repeats", "1"] },
    };

    /// <summary>Commands whose report is the same each time: not the doctor's, which tells how much memory is free.</summary>
    public static TheoryData<string[]> Repeatable =>
    [
        .. Documents.Select(row => (string[])row[1])
            .Where(command => command[0] is "backends" or "explore" or "ask" or "diff" or "designs"),
    ];

    [Theory]
    [MemberData(nameof(Documents))]
    public async Task Every_document_has_a_version_a_kind_and_names_in_camel_case(string kind, string[] command)
    {
        CommandRun run = await CommandRun.Of([.. command, "--json", "-"]);
        // A stress of one round may have exercised too little; its document says so.
        Assert.True(run.ExitCode == 0 || kind == "uffd-stress", run.Error);
        DocumentRules.Hold(run.Output, kind);
    }

    [Theory]
    [MemberData(nameof(Repeatable))]
    public async Task With_a_dash_the_report_moves_to_standard_error(string[] command)
    {
        CommandRun plain = await CommandRun.Of(command);
        CommandRun dashed = await CommandRun.Of([.. command, "--json", "-"]);
        Assert.NotEmpty(plain.Output);
        Assert.Contains(Lines(plain.Output), Lines(dashed.Error), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_command_that_writes_a_document_is_held_to_its_form() => Findings.None(
        $"A command with --json has a row in {nameof(DocumentNameTests)}, or calls {nameof(DocumentRules)} in a class of its own that is "
            + "named there.",
        CommandPageTests.Leaves().Where(leaf => CommandPageTests.OptionsOf(leaf.Command).Contains("--json")).Select(leaf => leaf.Name)
            .Except(Elsewhere.Select(e => e.Command))
            .Where(name => !Documents.Select(row => $"uffd {string.Join(' ', (string[])row[1])} ")
                .Any(command => command.StartsWith(name + " ", StringComparison.Ordinal))));

    // A table is as wide as the console; how wide that is, is not the point.
    private static string Lines(string text) => string.Join('\n', text.Split('\n').Select(line => line.TrimEnd()));
}
