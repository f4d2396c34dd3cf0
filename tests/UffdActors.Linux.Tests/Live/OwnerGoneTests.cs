using Akka.Configuration;
using UffdActors.Actors;
using UffdActors.Linux.Live;
using UffdActors.Model.Operations.Maps;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Live;

/// <summary>
/// The process whose memory is served is killed, or executes another program: nothing can be filled any more, and nothing may be said to
/// have been.
/// </summary>
public sealed class OwnerGoneTests
{
    private const int Pages = 256;
    private const int Chunk = 64;
    private const RegisterModes Modes = RegisterModes.Missing | RegisterModes.WriteProtect;

    public static TheoryData<string, bool> Ends => new()
    {
        { "kill", true },
        { "kill", false },
        { "exec", true },
    };

    [SkippableTheory]
    [MemberData(nameof(Ends))]
    public async Task A_push_fails_in_its_middle_when_the_owner_ends_and_counts_no_page_that_is_not_there(string end, bool isNamed)
    {
        await using Scene scene = await Scene.StartAsync(isNamed, gated: 2 * Chunk);
        // Nothing is asked for ahead, so the chunk that is held back is the last.
        BackgroundPush push = await scene.Uffd.PushAsync(scene.Region, scene.Source, new PrefetchOptions { WindowBytes = 0 });
        await scene.Source.Asked.WaitAsync(LiveScene.Deadline);
        await scene.EndAsync(end);
        scene.Source.LetGo();

        UffdException failed = await Assert.ThrowsAsync<UffdException>(() => push.WaitAsync().WaitAsync(LiveScene.Deadline));
        Assert.Equal(Errno.ESRCH, failed.Error);
        Assert.Contains(scene.Named, failed.Message, StringComparison.Ordinal);
        Assert.Contains("AbandonAsync", failed.Message, StringComparison.Ordinal);
        Assert.Equal((2 * Chunk, 2 * Chunk), (push.ReceivedPages, push.Pages));
        await scene.OnlyIncidentAsync();
        await scene.AssertIdleAsync();

        // A later one fails as it does.
        BackgroundPush again = await scene.Uffd.PushAsync(scene.Region, scene.Source);
        Assert.Equal(Errno.ESRCH, (await Assert.ThrowsAsync<UffdException>(() => again.WaitAsync().WaitAsync(LiveScene.Deadline))).Error);
        scene.Uffd.Recover();
        await scene.AssertIdleAsync();
        Assert.Equal(2 * Chunk, again.ReceivedPages);
        Assert.False(scene.Vm.Incidents.TryReadOther(out Incident? more), more?.Message);
        await scene.Uffd.AbandonAsync().WaitAsync(LiveScene.Deadline);
    }

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_page_that_the_owner_waited_for_is_not_tried_again_and_a_later_push_fails(bool isNamed)
    {
        await using Scene scene = await Scene.StartAsync(isNamed, gated: 5);
        await scene.Owner.TellAsync("read 5");
        await scene.Source.Asked.WaitAsync(LiveScene.Deadline);
        await scene.EndAsync("kill");
        scene.Source.LetGo();

        await scene.OnlyIncidentAsync();
        await scene.AssertIdleAsync();
        Assert.Equal((1, 1L, 0), (scene.Uffd.Outstanding, scene.Uffd.Faults, scene.Uffd.ReceivedOf(scene.Region).Count));
        BackgroundPush push = await scene.Uffd.PushAsync(scene.Region, scene.Source);
        Assert.Equal(Errno.ESRCH, (await Assert.ThrowsAsync<UffdException>(() => push.WaitAsync().WaitAsync(LiveScene.Deadline))).Error);
        Assert.Equal(0, push.ReceivedPages);
        Assert.False(scene.Vm.Incidents.TryReadOther(out Incident? more), more?.Message);
    }

    public static TheoryData<string, string> Calls
    {
        get
        {
            TheoryData<string, string> data = [];
            foreach (string end in new[] { "kill", "exec" })
            {
                foreach (string call in new[] { "protect", "unprotect", "take", "move", "poison", "unregister", "close", "register",
                    "advise", "states" }) data.Add(call, end);
            }

            return data;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Calls))]
    public async Task Whatever_is_called_first_after_the_owner_has_ended_says_so_and_one_incident_does(string call, string end)
    {
        await using Scene scene = await Scene.StartAsync(isNamed: true, gated: -1);
        GuestRegion other =
            await scene.Vm.AdoptMemoryAsync(scene.Owner.Memory(1, isNamed: true) with { Address = scene.Owner.Address + (Pages << 12) });
        await scene.EndAsync(end);

        (Userfault uffd, GuestRegion region) = (scene.Uffd, scene.Region);
        Func<Task> first = call switch
        {
            "protect" => () => uffd.ProtectAsync(region, 0, 1),
            "unprotect" => () => uffd.UnprotectAsync(region, 0, Pages),
            "take" => () => uffd.TakeWrittenAsync(region, 0, Pages),
            "move" => () => uffd.MoveAsync(region, 0, other, 0, 1),
            "poison" => () => uffd.PoisonAsync(region, 0, 1),
            "unregister" => () => uffd.UnregisterAsync(region),
            "close" => () => uffd.CloseAsync(),
            "states" => () => uffd.PageStatesAsync(region, 0, Pages),
            "advise" => () => scene.Vm.AdviseAsync(region, 0, 1, Advice.PageOut),
            _ => async () => await (await scene.Vm.AdoptUserfaultAsync(scene.Copy())).RegisterAsync(region, Modes),
        };
        UffdException failed = await Assert.ThrowsAsync<UffdException>(() => first().WaitAsync(LiveScene.Deadline));
        Assert.Equal(Errno.ESRCH, failed.Error);
        Assert.Contains(scene.Named, failed.Message, StringComparison.Ordinal);
        Assert.Contains("AbandonAsync", failed.Message, StringComparison.Ordinal);
        await scene.OnlyIncidentAsync();
        await scene.AssertIdleAsync();
        await uffd.AbandonAsync().WaitAsync(LiveScene.Deadline);
        // Nobody is left who could see zeros, so nothing is left open.
        Assert.False(scene.Vm.Incidents.TryReadOther(out Incident? more), more?.Message);
    }

    [SkippableFact]
    public async Task A_region_that_is_all_there_is_closed_although_its_owner_has_ended_and_not_unregistered()
    {
        await using Scene scene = await Scene.StartAsync(isNamed: false, gated: -1);
        await (await scene.Uffd.PushAsync(scene.Region, scene.Source)).WaitAsync().WaitAsync(LiveScene.Deadline);
        await scene.EndAsync("kill");
        UffdException failed =
            await Assert.ThrowsAsync<UffdException>(() => scene.Uffd.UnregisterAsync(scene.Region).WaitAsync(LiveScene.Deadline));
        Assert.Equal((Errno.ESRCH, "UFFDIO_UNREGISTER"), (failed.Error, failed.Call));
        await scene.Uffd.CloseAsync().WaitAsync(LiveScene.Deadline);
    }

    [SkippableFact]
    public async Task A_vm_whose_memory_is_gone_is_disposed_of_in_the_middle_of_a_push()
    {
        await using Scene scene = await Scene.StartAsync(isNamed: true, gated: Chunk);
        BackgroundPush push = await scene.Uffd.PushAsync(scene.Region, scene.Source, new PrefetchOptions { WindowBytes = 0 });
        await scene.Source.Asked.WaitAsync(LiveScene.Deadline);
        await scene.EndAsync("kill");
        await scene.Vm.DisposeAsync().AsTask().WaitAsync(LiveScene.Deadline);
        _ = await Assert.ThrowsAsync<VmFailedException>(() => push.WaitAsync());
    }

    /// <summary>Memory of another process, adopted and served.</summary>
    private sealed class Scene : IAsyncDisposable
    {
        private readonly UffdRuntime _runtime = UffdRuntime.Start(
            ConfigurationFactory.ParseString($"uffd.push-chunk-pages = {Chunk}").WithFallback(UffdSettings.Profile("live")));
        private bool _isNamed;
        private int _copy;

        public required OwnerProcess Owner { get; init; }

        public required GatedSource Source { get; init; }

        public UffdVm Vm { get; private set; } = null!;

        public Userfault Uffd { get; private set; } = null!;

        public GuestRegion Region { get; private set; } = null!;

        /// <summary>What messages call the owner.</summary>
        public string Named => _isNamed ? $"process {Owner.Id}, whose memory it is" : "AdoptedUserfault.ProcessId";

        public static async Task<Scene> StartAsync(bool isNamed, long gated)
        {
            ThisKernel.Require();
            OwnerProcess owner = await OwnerProcess.StartAsync("anon", Pages, Modes, UffdFeatures.WpAsync);
            Scene scene = new() { Owner = owner, Source = new GatedSource(new PageBytes(Pages), gated), _isNamed = isNamed };
            scene._copy = owner.Userfault().Descriptor;
            scene.Vm = await scene._runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
            scene.Region = await scene.Vm.AdoptMemoryAsync(owner.Memory(Pages, isNamed));
            AdoptedUserfault theirs = owner.Userfault();
            scene.Uffd = await scene.Vm.AdoptUserfaultAsync(isNamed ? theirs : theirs with { ProcessId = null, IsOfOtherProcess = true });
            _ = await scene.Uffd.RegisterAsync(scene.Region, Modes);
            await scene.Uffd.ServeAsync(new ServeOptions { Source = scene.Source, SourcePatience = Timeout.InfiniteTimeSpan });
            return scene;
        }

        /// <summary>A second descriptor of the userfaultfd, which was taken while the owner was there.</summary>
        public AdoptedUserfault Copy()
        {
            AdoptedUserfault copy = new() { Descriptor = _copy, ProcessId = Owner.Id };
            _copy = -1;
            return copy;
        }

        public async Task EndAsync(string end)
        {
            if (end == "kill") await Owner.KillAsync();
            else Assert.Equal("executed", await Owner.DoAsync("exec 0"));
        }

        public async Task OnlyIncidentAsync()
        {
            Incident incident = await Vm.Incidents.ReadOtherAsync();
            Assert.Equal(IncidentKind.OwnerGone, incident.Kind);
            Assert.Contains(Named, incident.Message, StringComparison.OrdinalIgnoreCase);
            Assert.False(Vm.Incidents.TryReadOther(out Incident? more), more?.Message);
        }

        /// <summary>The loop sleeps with no timer set, and does not poll.</summary>
        public async Task AssertIdleAsync()
        {
            // Whoever has been told something just now has had a turn behind this.
            TaskCompletionSource turn = new(TaskCreationOptions.RunContinuationsAsynchronously);
            Uffd.Kernel.Actor.Tell(new VmProtocol.ReadEvents(turn), Akka.Actor.ActorRefs.NoSender);
            await turn.Task.WaitAsync(LiveScene.Deadline);
            var waiter = ((LiveKernel)Vm.Kernel).Waiter;
            await LiveScene.UntilAsync(() => waiter.SleepsForGood);
            long looks = waiter.Looks;
            for (int i = 0; i < 1000; i++) await Task.Yield();
            Assert.Equal((looks, true), (waiter.Looks, waiter.SleepsForGood));
        }

        public async ValueTask DisposeAsync()
        {
            await Vm.DisposeAsync().AsTask().WaitAsync(LiveScene.Deadline);
            await _runtime.DisposeAsync();
            await Owner.DisposeAsync();
            Source.Dispose();
            if (_copy >= 0) Linux.Userfaultfd.UffdDescriptor.Adopt(_copy).Dispose();
        }
    }
}
