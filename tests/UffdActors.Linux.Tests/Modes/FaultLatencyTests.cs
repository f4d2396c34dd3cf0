using UffdActors.Linux.Tests.Live;
using UffdActors.Testing.Guests;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>How long each thread has waited, whosever thread it is.</summary>
public sealed class FaultLatencyTests
{
    private const int Pages = 64;

    public static TheoryData<string> Worlds => EitherWorld.Names;

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Each_thread_has_its_own_waits_and_the_time_of_a_page_that_was_withheld_is_in_them(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.ThreadId);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        using PageBytes source = new(Pages) { AnswersLate = true };
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source, RecordFaultLatency = true });
        long since = vm.Vm.Now;
        VcpuGroup guest = await vm.Vm.StartVcpusAsync([Steps.Reads(3, 1, 2), Steps.Reads(3, 4)]);
        // Both wait for one page, one of them for the request of the other.
        await LiveScene.UntilAsync(() => vm.Uffd.Faults == 2);
        Assert.Equal(1, vm.Uffd.Counts().Merged);
        Task answering = Task.Run(() => LiveScene.UntilAsync(() =>
        {
            source.AnswerLate();
            return guest.Accesses == 5;
        }));
        await guest.WaitAsync().WaitAsync(LiveScene.Deadline);
        await answering;

        IReadOnlyList<FaultLatency> all = await vm.Uffd.FaultLatenciesAsync();
        Assert.Equal(2, all.Count);
        Assert.Equal(vm.Uffd.Faults, all.Sum(l => l.Faults));
        Assert.Equal(guest.Reports().Select(r => r.Faults).Order(), all.Select(l => l.Faults).Order());
        Assert.All(all, l =>
        {
            Assert.NotEqual(0, l.ThreadId);
            Assert.True(l.P50Nanoseconds <= l.P99Nanoseconds && l.P99Nanoseconds <= l.MaxNanoseconds);
            Assert.InRange(l.BlockedNanoseconds, 1, vm.Vm.Now - since);
        });
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Nothing_is_recorded_unless_it_is_asked_for(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        _ = await Assert.ThrowsAsync<InvalidOperationException>(() => vm.Uffd.FaultLatenciesAsync());
        using PageBytes source = new(Pages);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await vm.WriteAsync(region, 1);
        InvalidOperationException refused =
            await Assert.ThrowsAsync<InvalidOperationException>(() => vm.Uffd.FaultLatenciesAsync());
        Assert.Contains("RecordFaultLatency", refused.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_thread_of_another_process_is_known_by_its_number()
    {
        ThisKernel.Require();
        using PageBytes source = new(Pages);
        await using OwnerProcess owner = await OwnerProcess.StartAsync("anon", Pages, RegisterModes.Missing, UffdFeatures.ThreadId);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        GuestRegion region = await vm.AdoptMemoryAsync(owner.Memory(Pages, isNamed: true));
        Userfault uffd = await vm.AdoptUserfaultAsync(owner.Userfault());
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source, RecordFaultLatency = true });
        for (int page = 0; page < 4; page++) Assert.Equal($"{PageBytes.WordOf(page)}", await owner.DoAsync($"read {page}"));

        IReadOnlyList<FaultLatency> all = await uffd.FaultLatenciesAsync();
        Assert.Equal(4, all.Sum(l => l.Faults));
        Assert.All(all, l => Assert.True(Directory.Exists($"/proc/{owner.Id}/task/{l.ThreadId}"), $"thread {l.ThreadId}"));
        await uffd.AbandonAsync();
    }
}
