using System.Text.Json;
using UffdActors.Linux.Needs;

namespace UffdActors.Cli.Tests;

/// <summary><c>uffd doctor</c> on the machine that runs the tests, whatever that offers.</summary>
public sealed class DoctorTests
{
    [Fact]
    public async Task The_document_has_a_version_and_the_fields_of_JSON_md()
    {
        CommandRun run = await CommandRun.Of("doctor", "--json", "-");
        run.EndsWith(0);
        Assert.StartsWith("kernel ", run.Error, StringComparison.Ordinal);
        JsonElement report = JsonDocument.Parse(run.Output).RootElement;

        Assert.Equal(
            ["version", "kind", "kernel", "access", "features", "registers", "memory", "kvm", "cpus", "findings", "vmm"],
            report.EnumerateObject().Select(p => p.Name));
        Assert.Equal(2, report.GetProperty("version").GetInt32());
        JsonElement vmm = report.GetProperty("vmm");
        Assert.Equal(
            [
                "problem", "missing", "recommendedVcpus", "maxVcpus", "memorySlots", "instructionNs", "host", "needed",
                "hasInterruptController", "isEmulated",
            ],
            vmm.EnumerateObject().Select(p => p.Name));
        // A guest has run, or the report says why none does.
        Assert.Equal(
            vmm.GetProperty("problem").ValueKind == JsonValueKind.Null,
            vmm.GetProperty("instructionNs").ValueKind == JsonValueKind.Number);
        Assert.Equal(
            (await File.ReadAllTextAsync("/proc/sys/kernel/osrelease")).Trim(),
            report.GetProperty("kernel").GetProperty("release").GetString());
        Assert.All(
            report.GetProperty("registers").EnumerateArray(),
            r => Assert.Equal(["memory", "context", "modes", "answer", "ioctls"], r.EnumerateObject().Select(p => p.Name)));
        Assert.Equal(
            Enum.GetNames<MachineNeed>().Select(JsonNamingPolicy.KebabCaseLower.ConvertName).Order(),
            report.GetProperty("findings").EnumerateArray().Select(f => f.GetProperty("need").GetString()!).Order());
        foreach (JsonElement finding in report.GetProperty("findings").EnumerateArray())
        {
            Assert.Equal(["need", "for", "state", "cause", "remedy", "isMet"], finding.EnumerateObject().Select(p => p.Name));
            NeedState state = Enum.Parse<NeedState>(finding.GetProperty("state").GetString()!, ignoreCase: true);
            Assert.Equal(state == NeedState.Met, finding.GetProperty("isMet").GetBoolean());
            Assert.Equal(state == NeedState.Met, finding.GetProperty("remedy").GetString() is null);
            if (state == NeedState.Absent)
                Assert.Equal(
                    Remedies.Of(NeedOf(finding)),
                    finding.GetProperty("remedy").GetString());
        }
    }

    private static MachineNeed NeedOf(JsonElement finding) => Enum.GetValues<MachineNeed>().Single(
        need => JsonNamingPolicy.KebabCaseLower.ConvertName(need.ToString()) == finding.GetProperty("need").GetString());

    [Fact]
    public async Task In_words_each_thing_missing_is_followed_by_what_to_do()
    {
        CommandRun run = await CommandRun.Of("doctor");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        string[] lines = run.Output.Split('\n');

        foreach (string name in new[] { "kernel", "userfaultfd", "permissions", "confinement", "features", "memory", "huge pages", "THP",
            "fault-around", "KVM", "KVM hardware", "KVM needs", "KVM interrupts", "KVM machines", "CPUs" })
            Assert.Contains(lines, l => l.StartsWith(name + " ", StringComparison.Ordinal));
        foreach (MachineNeed need in Enum.GetValues<MachineNeed>())
        {
            int line = Array.FindIndex(lines, l => l.Contains($" {need} (for ", StringComparison.Ordinal));
            Assert.True(line >= 0, $"{need} is not in the report");
            bool isMissing = lines[line].StartsWith("MISSING", StringComparison.Ordinal);
            Assert.Equal(isMissing, line + 1 < lines.Length && lines[line + 1].Trim() == Remedies.Of(need));
        }
    }
}
