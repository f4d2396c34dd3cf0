using UffdActors.Abi;
using UffdActors.Model.Memory;
using System.Diagnostics;
using UffdActors.Handling;
using UffdActors.Linux.Live;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Model.Operations.Maps;
using UffdActors.Testing.Guests;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Live;

/// <summary>What RING L, F say of failure and closing, on the real kernel.</summary>
public sealed class LiveFailureTests
{
    private const int Pages = 64;
    private const int Vcpus = 8;

    public static TheoryData<int> Points => [(int)HandlerPoint.AfterRead, (int)HandlerPoint.AfterFillSent, (int)HandlerPoint.OnAnswer];

    [SkippableTheory]
    [MemberData(nameof(Points))]
    public async Task A_handler_that_is_killed_loses_no_fault(int point)
    {
        CrashingProbe probe = new((HandlerPoint)point, every: 5, crashesPerPage: 1);
        await using LiveScene scene = await LiveScene.StartAsync(new PageBytes(Pages), handlers: 2, probe: probe);

        VcpuGroup vcpus = await scene.RunAsync([.. Enumerable.Range(0, Vcpus).Select(i => Steps.Random(i, Pages, 200))]);
        await vcpus.WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Null(vcpus.Error);
        Assert.Equal(Vcpus * 200, vcpus.Accesses);
        Assert.NotEqual(0, probe.Crashes);
    }

    [SkippableFact]
    public async Task A_source_that_throws_is_asked_again()
    {
        await using LiveScene scene = await LiveScene.StartAsync(new PageBytes(Pages, failures: 4));

        VcpuGroup vcpus = await scene.RunAsync(Steps.Reads([.. Enumerable.Range(0, Pages).Select(p => (long)p)]));
        await vcpus.WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Null(vcpus.Error);
        Assert.Equal(Pages, vcpus.Accesses);
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_hole_that_is_punched_into_the_cache_while_a_page_is_resolved_is_filled_again(bool zeros)
    {
        ThisKernel.Require();
        await PunchedPages.AreFilledAgainAsync("shmem", new PageBytes(Pages) { IsZero = zeros }, pageBytes: 4096);
    }

    [SkippableFact]
    public async Task A_backend_that_throws_is_reported_and_its_threads_never_see_zeros()
    {
        LiveScene scene = await LiveScene.StartAsync(new PageBytes(Pages), backend: () => new BrokenBackend());
        VcpuGroup vcpus;
        await using (scene)
        {
            vcpus = await scene.RunAsync(Steps.Reads(3, 4));
            Incident failed = await scene.IncidentAsync(IncidentKind.BackendFailed);
            Assert.Contains("out of order", failed.Message, StringComparison.Ordinal);
            _ = await scene.IncidentAsync(IncidentKind.FillRefused);
        }

        Assert.Null(vcpus.Error);
        Assert.Equal(0, vcpus.Accesses);
    }

    [SkippableFact]
    public async Task Pages_that_are_taken_away_while_they_are_copied_never_get_their_old_bytes_back()
    {
        await using LiveScene scene = await LiveScene.StartAsync(new PageBytes(Pages), UffdFeatures.EventRemove);
        // Without a content check: a removed page reads as zeros, another as its bytes.
        VcpuGroup vcpus = await scene.Vm.StartVcpusAsync(
            [.. Enumerable.Range(0, Vcpus)
                .Select(i => Steps.Reads([.. Enumerable.Range(0, 40 * Pages).Select(n => (long)((n * 7) + i) % Pages)]))]);
        for (int i = 0; i < 200; i++) await scene.Vm.AdviseAsync(scene.Region, i % 32, 1, Advice.DontNeed).WaitAsync(LiveScene.Deadline);
        await vcpus.WaitAsync().WaitAsync(LiveScene.Deadline);

        GuestReader reader = scene.Vm.NewReader();
        byte[] bytes = new byte[4096];
        for (int page = 0; page < Pages; page++)
        {
            if (!reader.TryRead(scene.Region, page, bytes)) continue;
            ulong expected = page < 32 ? 0 : PageBytes.WordOf(page);
            Assert.Equal(expected, BitConverter.ToUInt64(bytes, 2048));
        }
    }

    [SkippableFact]
    public async Task Closing_under_waiting_threads_lets_them_end_without_showing_them_zeros()
    {
        LiveScene scene = await LiveScene.StartAsync(new PageBytes(Pages) { Withholds = true });
        VcpuGroup vcpus;
        await using (scene)
        {
            vcpus = await scene.RunAsync([.. Enumerable.Range(0, Vcpus).Select(i => Steps.Reads(i))]);
            await scene.Source.Asked.Task.WaitAsync(LiveScene.Deadline);
            await Assert.ThrowsAsync<InvalidOperationException>(() => scene.Uffd.CloseAsync());
        }

        Assert.Null(vcpus.Error);
        Assert.Equal(0, vcpus.Accesses);
        await Assert.ThrowsAsync<VmFailedException>(() => vcpus.WaitAsync());
    }

    [SkippableFact]
    public async Task Disposing_of_a_vm_in_the_middle_of_a_push_is_no_incident()
    {
        // Where the push stands when it ends is another place every time.
        for (int i = 0; i < 20; i++)
        {
            LiveScene scene = await LiveScene.StartAsync(new PageBytes(16384));
            await using (scene)
            {
                _ = await scene.RunAsync([.. Enumerable.Range(0, Vcpus).Select(v => Steps.Random(v, 16384, 16384))]);
                BackgroundPush push = await scene.Uffd.PushAsync(scene.Region, scene.Source);
                await LiveScene.UntilAsync(() => push.ReceivedPages > 256);
            }

            Assert.False(scene.Vm.Incidents.TryReadOther(out Incident? incident), incident?.Message);
        }
    }

    [SkippableFact]
    public async Task Nothing_is_left_of_a_vm_in_its_process()
    {
        ThisKernel.Require();
        ProcessStartInfo start = Program.AsChild("leftovers");
        start.RedirectStandardOutput = true;
        using Process child = Process.Start(start)!;
        string said = await child.StandardOutput.ReadToEndAsync().WaitAsync(LiveScene.Deadline);
        await child.WaitForExitAsync();
        Assert.Equal("looked\n", said);
    }

    private sealed class BrokenBackend() : LiveBackend(4096)
    {
        internal override IoctlResult Fill(UffdDescriptor uffd, IPageFill fill, FillSource source, FillModes modes) =>
            throw new InvalidOperationException("out of order");
    }
}
