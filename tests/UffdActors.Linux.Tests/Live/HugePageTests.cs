using UffdActors.Linux.Live;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Needs;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.PostCopy;
using UffdActors.Testing;
using UffdActors.Testing.Guests;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Live;

/// <summary>Memory in pages of 2 MiB, by the same handlers: one fault and one fill a page, whatever part of it is touched.</summary>
[Collection(HugePageCollection.Name)]
public sealed class HugePageTests(HugePages pool)
{
    private const int UnitPages = PageSize.Huge / PageSize.Base;
    private const int Units = 6;
    private const int Pages = Units * UnitPages;

    [SkippableTheory]
    [InlineData(PostCopyMode.Missing, 1)]
    [InlineData(PostCopyMode.Missing, 3)]
    [InlineData(PostCopyMode.Minor, 1)]
    [InlineData(PostCopyMode.Minor, 3)]
    public async Task Every_page_arrives_and_the_destination_equals_the_source_with_the_guests_writes(PostCopyMode mode, int handlers)
    {
        pool.Require();
        using GuestImage image = MixedImage();
        PostCopyOptions options = new() { Image = image, Backend = "hugetlb", Mode = mode, Handlers = handlers, Accesses = 20_000 };

        PostCopyReport report =
            await UffdRuntime.UseAsync(UffdSettings.Profile("live"), runtime => new PostCopyMigration(runtime, options).RunAsync());

        Assert.True(report.Verified, report.GuestError);
        Assert.Equal(20_000, report.Accesses);
        Assert.NotEqual(0, report.WrittenLanes);
        Assert.Equal((PageSize.Huge, Units), (report.PageBytes, report.Pages));
        // Every page came once, and as zeros only if all of it is.
        Assert.Equal(Units, report.DemandPages + report.DemandZeroPages + report.PushedPages + report.PushedZeroPages);
        Assert.Equal(2, report.DemandZeroPages + report.PushedZeroPages);
        // Four vCPUs that fault everywhere in a page, and the push, share its one fill.
        Assert.InRange(report.Requests, 0, Units);
    }

    [SkippableFact]
    public async Task Threads_at_different_places_of_a_page_share_one_request_and_all_are_woken()
    {
        pool.Require();
        await using LiveScene scene = await LiveScene.StartAsync(new PageBytes(Pages), UffdFeatures.ExactAddress, module: "hugetlb");

        VcpuGroup vcpus = await scene.RunAsync(
            [.. Enumerable.Range(0, 8)
                .Select(i => Steps.Reads([.. Enumerable.Range(0, Units).Select(u => (long)(u * UnitPages) + (i * 60))]))]);
        await vcpus.WaitAsync().WaitAsync(LiveScene.Deadline);
        // The kernel has woken the last thread before the reader hears of it.
        await LiveScene.UntilAsync(() => scene.Uffd.Outstanding == 0);

        Assert.Null(vcpus.Error);
        Assert.Equal(8 * Units, vcpus.Accesses);
        Assert.Equal(Units, scene.Uffd.Reader!.Counters.DemandPages);
        Assert.Equal(Pages, scene.Uffd.ReceivedOf(scene.Region).Count);
    }

    [SkippableTheory]
    [InlineData("dispose")]
    [InlineData("abandon")]
    public async Task A_thread_that_waits_for_a_page_at_a_close_reads_no_zeros(string end)
    {
        pool.Require();
        using PageBytes source = new(Pages) { Withholds = true };
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages, Module = "hugetlb" });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        LiveMemory memory = ((Linux.Live.LiveKernel)vm.Kernel).MemoryOf(region);
        UffdDescriptor left = ((LiveUserfault)uffd.Kernel).Uffd;
        Task<Errno> waits = KernelRead.Start(region.Address + ((UnitPages + 3) * PageSize.Base));
        await source.Asked.Task.WaitAsync(LiveScene.Deadline);

        await (end == "dispose" ? vm.DisposeAsync().AsTask() : uffd.AbandonAsync()).WaitAsync(LiveScene.Deadline);

        Assert.False(left.Handle.IsClosed);
        Assert.Equal(1, left.ReadFdInfo().Total);
        // Whoever takes the descriptor over can still give the thread its page.
        using NativeBuffer bytes = new(PageSize.Huge);
        Assert.Equal(Errno.None, left.Copy(region.Address + PageSize.Huge, (ulong)bytes.Address, PageSize.Huge).Error);
        Assert.Equal(Errno.None, await waits.WaitAsync(LiveScene.Deadline));
        await vm.DisposeAsync();
        LeftOpen.LetGo(left);
        left.Dispose();
        memory.Dispose();
    }

    [SkippableTheory]
    [InlineData(Advice.DontNeed)]
    [InlineData(Advice.Remove)]
    public async Task Pages_that_are_taken_away_while_they_are_copied_never_get_their_old_bytes_back(Advice advice)
    {
        pool.Require();
        PageBytes source = new(Pages) { AnswersLate = true };
        await using LiveScene scene = await LiveScene.StartAsync(source, UffdFeatures.EventRemove, module: "hugetlb");
        VcpuGroup vcpus = await scene.Vm.StartVcpusAsync([Steps.Reads(UnitPages + 7), Steps.Reads((3 * UnitPages) + 9)]);
        await LiveScene.UntilAsync(() => source.Late == 2);

        // While the bytes are on their way: one page goes, of another one a part, which the kernel takes for MADV_REMOVE only.
        await scene.Vm.AdviseAsync(scene.Region, UnitPages, UnitPages, advice).WaitAsync(LiveScene.Deadline);
        if (advice == Advice.Remove) await scene.Vm.AdviseAsync(scene.Region, (3 * UnitPages) + 8, 2, advice).WaitAsync(LiveScene.Deadline);
        source.AnswerLate();
        await vcpus.WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Equal(0ul, WordAt(scene, UnitPages + 7));
        Assert.Equal(0ul, WordAt(scene, UnitPages + 500));
        ulong kept = advice == Advice.Remove ? 0 : PageBytes.WordOf((3 * UnitPages) + 9);
        Assert.Equal(kept, WordAt(scene, (3 * UnitPages) + 9));
        Assert.Equal(PageBytes.WordOf((3 * UnitPages) + 7), WordAt(scene, (3 * UnitPages) + 7));
        Assert.Equal(PageBytes.WordOf((3 * UnitPages) + 10), WordAt(scene, (3 * UnitPages) + 10));
    }

    [SkippableFact]
    public async Task Pages_that_are_taken_away_all_the_time_are_filled_again_and_nobody_hangs()
    {
        pool.Require();
        await using LiveScene scene =
            await LiveScene.StartAsync(new PageBytes(Pages), UffdFeatures.EventRemove, handlers: 2, module: "hugetlb");
        // Without a content check: a removed page reads as zeros, another as its bytes.
        VcpuGroup vcpus = await scene.Vm.StartVcpusAsync(
            [.. Enumerable.Range(0, 4)
                .Select(
                    i => Steps.Reads([.. Enumerable.Range(0, 40 * Units).Select(n => (long)(((n * 7) + i) % Units * UnitPages) + n)]))]);
        for (int i = 0; i < 60; i++)
            await scene.Vm.AdviseAsync(scene.Region, i % 3 * UnitPages, UnitPages, Advice.Remove).WaitAsync(LiveScene.Deadline);
        await vcpus.WaitAsync().WaitAsync(LiveScene.Deadline);

        GuestReader reader = scene.Vm.NewReader();
        byte[] bytes = new byte[PageSize.Base];
        for (int page = 0; page < Pages; page++)
        {
            if (!reader.TryRead(scene.Region, page, bytes)) continue;
            Assert.Equal(page < 3 * UnitPages ? 0 : PageBytes.WordOf(page), BitConverter.ToUInt64(bytes, 2048));
        }
    }

    [SkippableFact]
    public async Task With_the_pool_empty_a_page_pauses_after_the_patience_and_is_filled_by_itself_when_there_are_pages_again()
    {
        pool.Require();
        await using LiveScene scene = await LiveScene.StartAsync(
            new PageBytes(Pages), UffdFeatures.EventRemove, module: "hugetlb", patience: TimeSpan.FromMilliseconds(200));
        await (await scene.RunAsync(Steps.Reads(0))).WaitAsync().WaitAsync(LiveScene.Deadline);
        Task<Incident> refused = scene.IncidentAsync(IncidentKind.PatienceOver);
        while (true)
        {
            // Removing a page takes back the promise of one; then all that is left goes to others.
            await scene.Vm.AdviseAsync(scene.Region, 0, UnitPages, Advice.Remove).WaitAsync(LiveScene.Deadline);
            using Hog hog = new();
            long faults = scene.Uffd.Faults;
            VcpuGroup vcpus = await scene.Vm.StartVcpusAsync([Steps.Reads(1)]);
            // Somebody else had given a page back when the pool was to be empty.
            if (await Task.WhenAny(refused, vcpus.WaitAsync()) != refused) continue;

            Assert.Contains(
                "EEXIST again and again (the pool of huge pages may be empty)", (await refused).Message, StringComparison.Ordinal);
            // Not in a loop: each fault that came again was waited for longer than the one before.
            Assert.InRange(scene.Uffd.Faults - faults, 2, 50);
            // A page is given back, and nobody says so.
            hog.Dispose();
            await vcpus.WaitAsync().WaitAsync(LiveScene.Deadline);
            Assert.Null(vcpus.Error);
            Assert.Equal(0ul, WordAt(scene, 1));
            return;
        }
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_hole_that_is_punched_into_the_cache_while_a_page_is_resolved_is_filled_again(bool zeros)
    {
        pool.Require();
        await PunchedPages.AreFilledAgainAsync("hugetlb", new PageBytes(Pages) { IsZero = zeros }, PageSize.Huge);
    }

    [SkippableFact]
    public async Task More_than_the_pool_has_is_refused_with_the_doctors_remedy_before_anything_is_started()
    {
        pool.Require();
        UnsupportedMachineException refusal = await Assert.ThrowsAsync<UnsupportedMachineException>(() => UffdRuntime.UseAsync(
            UffdSettings.Profile("live"),
            runtime => CheckAsync(runtime)));
        Assert.Equal(MachineNeed.HugePages, refusal.Need);
        Assert.Contains("1048576 huge pages are needed", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(Remedies.Of(MachineNeed.HugePages), refusal.Message, StringComparison.Ordinal);

        static async Task<bool> CheckAsync(UffdRuntime runtime)
        {
            await PostCopyMigration.CheckAsync(runtime, "hugetlb", PostCopyMode.Missing, Model.KernelProfile.Seed, 2L << 40);
            return true;
        }
    }

    private static ulong WordAt(LiveScene scene, long page)
    {
        byte[] bytes = new byte[PageSize.Base];
        Assert.True(scene.Vm.NewReader().TryRead(scene.Region, page, bytes), $"page {page} is absent");
        return BitConverter.ToUInt64(bytes, 2048);
    }

    /// <summary>
    /// Four pages with content, one of them of zeros but for its end; two of zeros, the second of which the file does not reach the end of.
    /// </summary>
    private static GuestImage MixedImage()
    {
        string path = Path.GetTempFileName();
        try
        {
            byte[] bytes = new byte[(Units * PageSize.Huge) - 5000];
            new Random(5).NextBytes(bytes.AsSpan(0, 3 * PageSize.Huge));
            bytes[(4 * PageSize.Huge) - 1] = 1;
            File.WriteAllBytes(path, bytes);
            GuestImage image = GuestImage.FromFile(path, PageSize.Huge);
            image.ReadAll();
            return image;
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>Everything that the pool has to give.</summary>
    private sealed class Hog : IDisposable
    {
        private readonly List<GuestMemory> _pages = [];

        public Hog()
        {
            try
            {
                while (true)
                {
                    using MemoryObject page = MemoryObject.CreateHugetlb("hog", PageSize.Huge);
                    _pages.Add(GuestMemory.Map(page, 0, PageSize.Huge));
                }
            }
            catch (UnsupportedMachineException)
            {
                // That was all.
            }
        }

        public void Dispose()
        {
            foreach (GuestMemory page in _pages) page.Dispose();
            _pages.Clear();
        }
    }
}
