using System.Diagnostics;
using Akka.Configuration;
using UffdActors.Linux.Tests.Live;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>
/// Code of the embedder that is called in a turn and does not come back: the VM stands still, so an incident names it from outside, and
/// what ends the VM does not wait for it for ever.
/// </summary>
public sealed class BlockingCallTests
{
    private const int Pages = 64;
    private const string ShortClosing = "uffd.close-timeout = 200ms";

    public static TheoryData<string> Worlds => EitherWorld.Names;

    public static TheoryData<string, bool, bool> Askers
    {
        get
        {
            TheoryData<string, bool, bool> askers = [];
            foreach (string world in (string[])["model", "live"])
            {
                // A handler asks by itself, or through the source's actor; or the push does.
                askers.Add(world, true, false);
                askers.Add(world, false, false);
                askers.Add(world, false, true);
            }

            return askers;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Askers))]
    public async Task A_source_that_blocks_in_Request_is_named_and_so_is_its_return(string world, bool atOnce, bool isPush)
    {
        using ManualResetEventSlim go = new();
        using ScriptedSource source = Blocking(go, atOnce);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        VcpuGroup? vcpu = isPush ? null : await vm.StartAsync(region, isWrite: false, 3);
        Task<BackgroundPush>? push = isPush ? vm.Uffd.PushAsync(region, source) : null;

        Incident blocks = await AnyIncidentAsync(vm);
        Assert.Equal(IncidentKind.BlockingCall, blocks.Kind);
        Assert.StartsWith(
            "Request of page source image-7 (ScriptedSource) has been called in a turn and has not returned for 1 s", blocks.Message,
            StringComparison.Ordinal);
        go.Set();

        Incident over = await AnyIncidentAsync(vm);
        Assert.Equal(IncidentKind.OutageEnded, over.Kind);
        Assert.StartsWith("Request of page source image-7 (ScriptedSource) has returned after ", over.Message, StringComparison.Ordinal);
        if (vcpu is not null) await vcpu.WaitAsync().WaitAsync(LiveScene.Deadline);
        if (push is not null) await (await push.WaitAsync(LiveScene.Deadline)).WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal(PageBytes.WordOf(3), vm.Word(region, 3));
        Assert.False(vm.Vm.Incidents.TryRead(out _));
    }

    [SkippableTheory]
    [InlineData("model")]
    [InlineData("live")]
    public async Task A_hook_for_writes_that_blocks_is_named(string world)
    {
        using ManualResetEventSlim go = new();
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing | RegisterModes.WriteProtect);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source, BeforeWrite = (_, _) => go.Wait() });
        // What is filled comes protected, so a first write meets the hook too.
        VcpuGroup vcpu = await vm.StartAsync(region, isWrite: true, 3);

        Incident blocks = await AnyIncidentAsync(vm);
        Assert.Equal(IncidentKind.BlockingCall, blocks.Kind);
        Assert.StartsWith("The BeforeWrite hook has been called in a turn and has not returned", blocks.Message, StringComparison.Ordinal);
        go.Set();
        Assert.Equal(IncidentKind.OutageEnded, (await AnyIncidentAsync(vm)).Kind);
        await vcpu.WaitAsync().WaitAsync(LiveScene.Deadline);
    }

    [SkippableTheory]
    [InlineData("model", false)]
    [InlineData("model", true)]
    [InlineData("live", false)]
    [InlineData("live", true)]
    public async Task What_ends_a_VM_says_who_blocks_it_and_does_not_wait_for_ever(string world, bool atOnce)
    {
        using ManualResetEventSlim go = new();
        using ScriptedSource source = Blocking(go, atOnce);
        EitherWorld vm = await EitherWorld.StartAsync(world, config: ConfigurationFactory.ParseString(ShortClosing));
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        Task waiting = (await vm.StartAsync(region, isWrite: false, 3)).WaitAsync();
        await LiveScene.UntilAsync(() => source.Asked > 0);

        TimeoutException abandoning =
            await Assert.ThrowsAsync<TimeoutException>(() => vm.Uffd.AbandonAsync().WaitAsync(LiveScene.Deadline));
        AssertNames("AbandonAsync of vm-", abandoning);
        TimeoutException disposing =
            await Assert.ThrowsAsync<TimeoutException>(() => vm.Vm.DisposeAsync().AsTask().WaitAsync(LiveScene.Deadline));
        AssertNames("did not stop within", disposing);
        TimeoutException ending =
            await Assert.ThrowsAsync<TimeoutException>(() => vm.Runtime.DisposeAsync().AsTask().WaitAsync(LiveScene.Deadline));
        Assert.Contains("did not end within", ending.Message, StringComparison.Ordinal);

        go.Set();
        // The guest had its page, or was stopped before.
        Exception? outcome = await Record.ExceptionAsync(() => waiting.WaitAsync(LiveScene.Deadline));
        Assert.True(outcome is null or VmFailedException, outcome?.Message);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Closing_a_userfaultfd_does_not_wait_for_ever_either(string world)
    {
        using ManualResetEventSlim go = new();
        using ScriptedSource source = Blocking(go, atOnce: true);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, config: ConfigurationFactory.ParseString(ShortClosing));
        Userfault other = await vm.Vm.OpenAsync();
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        VcpuGroup vcpu = await vm.StartAsync(region, isWrite: false, 3);
        await LiveScene.UntilAsync(() => source.Asked > 0);

        AssertNames(
            "CloseAsync of vm-", await Assert.ThrowsAsync<TimeoutException>(() => other.CloseAsync().WaitAsync(LiveScene.Deadline)));
        go.Set();
        await CloseAtLastAsync(other);
        await vcpu.WaitAsync().WaitAsync(LiveScene.Deadline);
    }

    // Closing has little patience here, and this machine may be slow: once the turn has ended, one of the calls must come through.
    private static async Task CloseAtLastAsync(Userfault uffd)
    {
        long begun = Stopwatch.GetTimestamp();
        while (await Record.ExceptionAsync(() => uffd.CloseAsync()) is { } late)
        {
            Assert.IsType<TimeoutException>(late);
            Assert.True(Stopwatch.GetElapsedTime(begun) < LiveScene.Deadline, late.Message);
        }
    }

    private static Task<Incident> AnyIncidentAsync(EitherWorld vm) => vm.Vm.Incidents.ReadAsync().AsTask().WaitAsync(LiveScene.Deadline);

    private static void AssertNames(string says, TimeoutException late)
    {
        Assert.Contains(says, late.Message, StringComparison.Ordinal);
        Assert.Contains("Request of page source image-7 (ScriptedSource)", late.Message, StringComparison.Ordinal);
    }

    private static ScriptedSource Blocking(ManualResetEventSlim go, bool atOnce)
    {
        ScriptedSource source = new(Pages, atOnce);
        source.Script = (_, _) =>
        {
            go.Wait();
            return false;
        };
        return source;
    }
}
