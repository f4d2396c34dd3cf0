using System.Net.Sockets;

namespace UffdActors.Serve.Tests;

/// <summary>What first-time users and malicious ones do: one sentence each, nothing left, and the next guest is served.</summary>
[Collection(ServeCollection.Name)]
public sealed class RefusalTests(VmmPrograms programs)
{
    [SkippableTheory]
    [InlineData("no-descriptor", "No descriptor came with the message")]
    [InlineData("no-userfaultfd", "The first descriptor is no userfaultfd but ")]
    [InlineData("young-userfaultfd", "The handshake of the userfaultfd has not been done")]
    [InlineData("signals", "has the feature SIGBUS")]
    [InlineData("two-arrays", "Two arrays came in one message")]
    [InlineData("secret-hiding", "Firecracker's branch for secret hiding")]
    [InlineData("many-descriptors", "More than 16 descriptors")]
    [InlineData("trickled-descriptors", "More than 16 descriptors")]
    [InlineData("endless", "has no end within 65536 bytes")]
    [InlineData("stranger", "it begins with \"GET / HTTP/1.1..\"")]
    [InlineData("leaves", "before it said anything")]
    [InlineData("leaves-in-the-middle", "before it had sent the end of its first message")]
    [InlineData("unmapped", "is not what the VMM has registered there")]
    [InlineData("long", "which has 4194304: it is the file of another guest, or cut")]
    public async Task What_is_no_hand_over_is_refused_in_a_sentence_and_costs_nothing(string what, string sentence)
    {
        VmmPrograms.Require();
        await using ServeScene scene = new(programs);
        await using VmmProcess vmm = scene.Start("malicious", what);
        Assert.Equal("closed\n", await vmm.EndAsync());
        string message = (await scene.NextAsync(ServeEventKind.Refused)).Message;
        Assert.Contains(sentence, message, StringComparison.Ordinal);
        Assert.EndsWith(".", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
        Assert.Empty(scene.Descriptors());

        await using VmmProcess next = scene.Start("firecracker-1.6", ServeScene.Bytes, "1");
        _ = await next.EndAsync();
        _ = await scene.NextAsync(ServeEventKind.Began);
    }

    [SkippableTheory]
    [InlineData(FailurePolicy.Freeze, "", "sleeps at its next absent page.")]
    [InlineData(FailurePolicy.Kill, "", " is killed.")]
    [InlineData(FailurePolicy.Freeze, "closes-first", " is killed: it holds no descriptor of its own, and its guest would read zeros.")]
    public async Task A_guest_that_is_refused_sleeps_or_is_killed_and_reads_no_zeros(FailurePolicy policy, string how, string fate)
    {
        VmmPrograms.Require();
        await using ServeScene scene = new(programs, policy);
        // More than the file has.
        await using VmmProcess vmm = scene.Start("firecracker-1.16", $"{2 * ServeScene.Pages * 4096}", "1", "waits", how);
        Assert.EndsWith(fate, (await scene.NextAsync(ServeEventKind.Refused)).Message, StringComparison.Ordinal);
        if (fate.Contains("killed", StringComparison.Ordinal)) await vmm.DeathAsync();
        else Assert.True(vmm.IsAlive);
        Assert.Empty(scene.Descriptors());
    }

    [SkippableFact]
    public async Task Who_connects_and_says_nothing_is_sent_away_when_the_time_is_over()
    {
        VmmPrograms.Require();
        ManualTime time = new();
        await using ServeScene scene = new(programs, time: time);
        await using VmmProcess vmm = scene.Start("malicious", "silent");
        Assert.True(SpinWait.SpinUntil(() => time.Timers > 0, ServeScene.Deadline));
        time.Pass();
        Assert.Equal("closed\n", await vmm.EndAsync());
        Assert.Contains(
            "was not complete after 60 s", (await scene.NextAsync(ServeEventKind.Refused)).Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Memory_that_is_served_is_not_taken_a_second_time()
    {
        VmmPrograms.Require();
        await using ServeScene scene = new(programs);
        await using VmmProcess vmm = scene.Start("malicious", "again");
        Assert.Equal("handed over", await vmm.LineAsync());
        _ = await scene.NextAsync(ServeEventKind.Began);
        await vmm.GoOnAsync();
        Assert.Contains("session 1 serves already", (await scene.NextAsync(ServeEventKind.Refused)).Message, StringComparison.Ordinal);
        Assert.Contains("verified", await vmm.EndAsync(), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Behind_connections_that_hand_nothing_over_a_guest_waits_and_is_not_refused()
    {
        VmmPrograms.Require();
        await using ServeScene scene = new(programs);
        List<Socket> silent = [];
        for (int i = 0; i < 64; i++)
        {
            silent.Add(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified));
            await silent[^1].ConnectAsync(new UnixDomainSocketEndPoint(scene.Socket));
        }

        await using VmmProcess vmm = scene.Start("firecracker-1.16", ServeScene.Bytes, "1", "waits");
        await vmm.UntilAsync("handed over");
        silent[0].Dispose();
        _ = await scene.NextAsync(ServeEventKind.Refused);
        _ = await scene.NextAsync(ServeEventKind.Began);
        foreach (Socket socket in silent) socket.Dispose();
        await vmm.GoOnAsync();
        Assert.Contains("verified", await vmm.EndAsync(), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task No_more_guests_are_taken_than_may_be()
    {
        VmmPrograms.Require();
        await using ServeScene scene = new(programs, maxSessions: 1);
        await using VmmProcess first = scene.Start("firecracker-1.16", ServeScene.Bytes, "1", "waits");
        _ = await scene.NextAsync(ServeEventKind.Began);
        await using VmmProcess second = scene.Start("firecracker-1.16", ServeScene.Bytes, "1", "waits");
        Assert.Contains("another is refused", (await scene.NextAsync(ServeEventKind.Refused)).Message, StringComparison.Ordinal);
    }
}
