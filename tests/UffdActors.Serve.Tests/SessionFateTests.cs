using System.Diagnostics;
using System.Globalization;
using UffdActors.Linux.Peers;
using UffdActors.Serve.Sessions;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Serve.Tests;

/// <summary>
/// What becomes of a guest when its session ends and its VMM lives. Where nobody else holds the userfaultfd, a guest that lives on reads
/// zeros.
/// </summary>
public sealed class SessionFateTests : IDisposable
{
    private readonly Process _vmm = Process.Start(new ProcessStartInfo("sleep", ["600"]))!;
    private readonly ProcessWatch _watch = new();

    [SkippableTheory]
    [InlineData("served", FailurePolicy.Freeze, true, "left")]
    [InlineData("served", FailurePolicy.Freeze, false, "killed")]
    [InlineData("served", FailurePolicy.Freeze, null, "stays open")]
    [InlineData("served", FailurePolicy.Kill, true, "killed")]
    [InlineData("served", FailurePolicy.Kill, false, "killed")]
    [InlineData("served", FailurePolicy.Kill, null, "killed")]
    [InlineData("left, held", FailurePolicy.Freeze, false, "left")]
    [InlineData("left, held", FailurePolicy.Kill, false, "left")]
    [InlineData("left", FailurePolicy.Freeze, true, "left")]
    [InlineData("left", FailurePolicy.Kill, true, "left")]
    [InlineData("left", FailurePolicy.Freeze, false, "killed")]
    [InlineData("left", FailurePolicy.Kill, false, "killed")]
    [InlineData("left", FailurePolicy.Freeze, null, "stays open")]
    [InlineData("left", FailurePolicy.Kill, null, "stays open")]
    [InlineData("released", FailurePolicy.Kill, false, "left")]
    public async Task A_guest_lives_on_only_where_it_reads_no_zeros(string state, FailurePolicy policy, bool? vmmKeepsCopy, string becomes)
    {
        ThisKernel.Require();
        using PeerProcess peer = Peer();
        SessionFate fate = new(peer, _watch, policy) { KeepsCopy = vmmKeepsCopy, IsReleased = state == "released" };
        if (state.StartsWith("left", StringComparison.Ordinal)) fate.Leave(isHeld: state == "left, held");

        if (becomes == "stays open")
            _ = await Assert.ThrowsAsync<InvalidOperationException>(() => fate.StopGuestAsync(CancellationToken.None));
        else
            await fate.StopGuestAsync(CancellationToken.None);

        Assert.Equal(becomes == "killed", peer.HasEnded);
        Assert.Equal(becomes == "killed", fate.HasKilled);
    }

    /// <summary>Until it has ended, a thread of it may touch a page.</summary>
    [SkippableFact]
    public async Task A_VMM_that_is_killed_is_waited_for()
    {
        ThisKernel.Require();
        using PeerProcess peer = Peer();
        SessionFate fate = new(peer, _watch, FailurePolicy.Kill);
        using CancellationTokenSource late = new();
        await late.CancelAsync();
        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fate.StopGuestAsync(late.Token));
        Assert.True(fate.HasKilled);
    }

    public void Dispose()
    {
        if (!_vmm.HasExited) _vmm.Kill();
        _vmm.WaitForExit();
        _vmm.Dispose();
        _watch.Dispose();
    }

    private PeerProcess Peer()
    {
        string stat = File.ReadAllText($"/proc/{_vmm.Id}/stat");
        long started = long.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[22 - 3], CultureInfo.InvariantCulture);
        return PeerProcess.Find(new ProcessMark(
            _vmm.Id, PeerProcess.ThisUser, started, File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim()));
    }
}
