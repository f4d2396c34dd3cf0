using System.Diagnostics;
using UffdActors.Testing.Guests;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Live;

/// <summary>RING L1: a thread that waits for a page must not hold up a garbage collection.</summary>
public sealed class CollectionTests
{
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(5);

    [SkippableFact]
    public async Task Collections_go_on_while_eight_vcpus_fault()
    {
        const int Pages = 256;
        const int Vcpus = 8;
        PageBytes source = new(Pages) { AnswersLate = true };
        await using LiveScene scene = await LiveScene.StartAsync(source, handlers: 2);
        VcpuGroup vcpus = await scene.RunAsync([.. Enumerable.Range(0, Vcpus).Select(i => Steps.Random(i, Pages, 2 * Pages))]);
        Task end = vcpus.WaitAsync();
        int collections = 0;
        while (true)
        {
            await LiveScene.UntilAsync(() => source.Late > 0 || end.IsCompleted);
            if (end.IsCompleted) break;
            // Somebody waits for a page now, and is answered when the collection is over.
            GC.Collect();
            collections++;
            source.AnswerLate();
        }

        await end;
        Assert.Null(vcpus.Error);
        Assert.Equal(Vcpus * 2 * Pages, vcpus.Accesses);
        // A vCPU waits for one page at a time.
        Assert.True(collections >= Pages / Vcpus, $"{collections} collections are too few to show anything.");
    }

    [SkippableFact]
    public async Task A_collection_waits_for_ever_for_a_thread_that_touches_a_missing_page_by_a_pointer()
    {
        Assert.Equal(["faulted"], await LinesOfChildAsync("pointer", Hang));
    }

    [SkippableFact]
    public async Task A_collection_does_not_wait_for_a_thread_that_touches_a_missing_page_by_a_call()
    {
        Assert.Equal(["faulted", "collected", "resolved"], await LinesOfChildAsync("call", LiveScene.Deadline));
    }

    // The child is killed when it says nothing more for a while: it cannot end by itself.
    private static async Task<List<string>> LinesOfChildAsync(string way, TimeSpan patience)
    {
        ThisKernel.Require();
        ProcessStartInfo start = Program.AsChild("touch", way);
        start.RedirectStandardOutput = true;
        using Process child = Process.Start(start)!;
        List<string> lines = [];
        try
        {
            while (await child.StandardOutput.ReadLineAsync().WaitAsync(lines.Count == 0 ? LiveScene.Deadline : patience) is { } line)
                lines.Add(line);
        }
        catch (TimeoutException)
        {
            // It hangs.
        }

        child.Kill();
        await child.WaitForExitAsync();
        return lines;
    }
}
