using System.Text.Json;
using UffdActors.Cli.Hosting;
using UffdActors.Kvm;
using UffdActors.Linux.Needs;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Cli.Tests;

/// <summary><c>uffd vmm run</c>.</summary>
public sealed class VmmRunTests
{
    private static readonly string[] Small = ["vmm", "run", "--memory", "1M"];

    [SkippableFact]
    public async Task A_served_guest_is_verified_and_the_report_says_on_what_it_ran()
    {
        await RequireKvmAsync();
        CommandRun run = await CommandRun.Of([.. Small, "--vcpus", "3"]);
        run.EndsWith(ExitCode.Done);
        Assert.StartsWith("1 MiB (made, seed 1) in a KVM guest of 3 MiB on anon, missing\n3 vCPUs, program scatter, 2 rounds", run.Output,
            StringComparison.Ordinal);
        Assert.Contains(
            "verified: checksums of 3 vCPUs and all memory are those of the same guest with all memory present", run.Output,
            StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task The_document_has_a_version_a_kind_and_both_sides()
    {
        await RequireKvmAsync();
        CommandRun run = await CommandRun.Of([.. Small, "--backend", "shmem", "--mode", "minor", "--large-pages", "--json", "-"]);
        run.EndsWith(ExitCode.Done);
        DocumentRules.Hold(run.Output, "uffd-vmm-run");
        JsonElement document = JsonDocument.Parse(run.Output).RootElement;
        Assert.Equal(
            ["version", "kind", "verified", "differences", "run", "present", "served", "incidents"],
            document.EnumerateObject().Select(p => p.Name));
        Assert.Equal(1, document.GetProperty("version").GetInt32());
        JsonElement served = document.GetProperty("served");
        Assert.Equal(
            document.GetProperty("present").GetProperty("memorySha256").GetString(), served.GetProperty("memorySha256").GetString());
        Assert.InRange(served.GetProperty("faults").GetProperty("minor").GetInt64(), 256, 1000);
        Assert.All(served.GetProperty("vcpus").EnumerateArray(), v => Assert.Equal("halted", v.GetProperty("end").GetString()));
        // Each vCPU is known by its thread, and no other thread faults.
        Assert.Equal(
            served.GetProperty("faults").GetProperty("total").GetInt64(),
            served.GetProperty("vcpus").EnumerateArray().Sum(v => v.GetProperty("waits").GetProperty("faults").GetInt64()));
        Assert.All(
            document.GetProperty("present").GetProperty("vcpus").EnumerateArray(),
            v => Assert.Equal(JsonValueKind.Null, v.GetProperty("waits").ValueKind));
    }

    [SkippableFact]
    public async Task A_page_draws_the_served_guest_with_every_page_that_it_has_asked_for()
    {
        await RequireKvmAsync();
        using Workplace place = new();
        string html = place.Path("a.html");
        CommandRun run = await CommandRun.Of([.. Small, "--html", html]);
        run.EndsWith(ExitCode.Done);
        string page = await File.ReadAllTextAsync(html);
        Assert.Contains("Verified: checksums of 2 vCPUs and all memory are those of the same guest", page, StringComparison.Ordinal);
        // 256 pages of data, the program and its page tables; no other has come, and nothing was pushed.
        Assert.Matches("vCPUs had waited for 2[5-9][0-9], and [0-9]+ have never come", page);
    }

    [SkippableFact]
    public async Task A_timeline_has_a_track_for_each_vCPU_with_every_fault_of_it()
    {
        await RequireKvmAsync();
        using Workplace place = new();
        (string timeline, string json) = (place.Path("a.json"), place.Path("report"));
        CommandRun run = await CommandRun.Of([.. Small, "--vcpus", "3", "--prefetch", "none", "--timeline", timeline, "--json", json]);
        run.EndsWith(ExitCode.Done);

        using JsonDocument report = JsonDocument.Parse(await File.ReadAllTextAsync(json));
        using JsonDocument trace = JsonDocument.Parse(await File.ReadAllTextAsync(timeline));
        JsonElement[] events = [.. trace.RootElement.GetProperty("traceEvents").EnumerateArray()];
        string[] tracks =
        [
            .. events.Where(e => e.GetProperty("name").GetString() == "thread_name")
                .Select(e => e.GetProperty("args").GetProperty("name").GetString()!),
        ];
        Assert.Equal(["vCPU 0", "vCPU 1", "vCPU 2"], tracks.Where(t => t.StartsWith("vCPU", StringComparison.Ordinal)).Order());
        JsonElement[] faults =
            [.. events.Where(e => e.GetProperty("name").GetString()!.StartsWith("fault, page", StringComparison.Ordinal))];
        Assert.Equal(report.RootElement.GetProperty("served").GetProperty("faults").GetProperty("total").GetInt32(), faults.Length);
        // By the number of the vCPU, as the report counts them.
        Assert.Equal(
            report.RootElement.GetProperty("served").GetProperty("vcpus").EnumerateArray()
                .Select(v => v.GetProperty("waits").GetProperty("faults").GetInt32()),
            faults.GroupBy(f => f.GetProperty("tid").GetInt32()).OrderBy(g => g.Key).Select(g => g.Count()));
        Assert.All(faults, f => Assert.True(f.GetProperty("dur").GetDouble() >= 0));
    }

    [SkippableFact]
    public async Task A_guest_that_takes_longer_than_it_may_is_exit_code_1_and_the_report_names_vCPU_and_rip()
    {
        await RequireKvmAsync();
        CommandRun run = await CommandRun.Of([.. Small, "--rounds", "1000", "--deadline", "50ms"]);
        run.EndsWith(ExitCode.Failed);
        Assert.Contains("NOT VERIFIED", run.Output, StringComparison.Ordinal);
        Assert.Contains("vCPU 1 has not ended within 0.05 s, and was stopped at rip 0x80", run.Output, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("34,359,738,368 bytes of memory, not", "--memory", "33G")]
    [InlineData("each vCPU works on one page at least.", "--memory", "4096")]
    [InlineData("--program balloon gives single pages back", "--program", "balloon", "--backend", "hugetlb")]
    [InlineData("no memory module", "--backend", "nothing")]
    public async Task What_cannot_be_a_guest_is_bad_input(string says, params string[] options)
    {
        await RequireKvmAsync();
        CommandRun run = await CommandRun.Of(["vmm", "run", .. options]);
        run.EndsWith(ExitCode.BadInput);
        Assert.Contains(says, run.Error, StringComparison.OrdinalIgnoreCase);
    }

    internal static async Task RequireKvmAsync()
    {
        ThisKernel.Require();
        try
        {
            await using KvmHost host = KvmHost.Start();
        }
        catch (UnsupportedMachineException e)
        {
            Skip.If(true, e.Message);
        }
    }
}
