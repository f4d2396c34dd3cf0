using UffdActors.Linux.Waiting;

namespace UffdActors.Linux.Tests.Binding;

/// <summary>What a wait returns is the same for few descriptors, which are polled, and for many, whose set the kernel keeps.</summary>
public sealed class PollSetTests
{
    [Theory]
    [InlineData(2, false)]
    [InlineData(PollSet.MostPolled, false)]
    [InlineData(PollSet.MostPolled + 1, true)]
    [InlineData(200, true)]
    public void A_wait_returns_those_that_are_readable_and_neither_muted_nor_taken_out(int count, bool isInKernel)
    {
        using Signals signals = new(count);
        using PollSet poll = signals.Poll();
        Assert.Equal(isInKernel, poll.IsInKernel);
        Assert.Empty(Readable(poll));
        signals[0].Set();
        signals[count - 1].Set();
        // Until it is read.
        Assert.Equal([0UL, (ulong)(count - 1)], Readable(poll));
        Assert.Equal([0UL, (ulong)(count - 1)], Readable(poll));
        poll.SetMuted(signals[0].Handle, true);
        Assert.Equal([(ulong)(count - 1)], Readable(poll));
        poll.SetMuted(signals[0].Handle, false);
        Assert.Equal([0UL, (ulong)(count - 1)], Readable(poll));
        poll.Remove(signals[count - 1].Handle);
        Assert.Equal([0UL], Readable(poll));
        _ = signals[0].Reset();
        Assert.Empty(Readable(poll));
    }

    [Fact]
    public void Many_that_become_few_are_polled_again_and_a_muted_one_stays_muted_over_both()
    {
        const int Count = PollSet.MostPolled + 1;
        using Signals signals = new(Count);
        using PollSet poll = new();
        poll.Add(signals[0].Handle, 0);
        poll.SetMuted(signals[0].Handle, true);
        for (int i = 1; i < Count; i++) poll.Add(signals[i].Handle, (ulong)i);
        Assert.True(poll.IsInKernel);
        signals[0].Set();
        signals[1].Set();
        Assert.Equal([1UL], Readable(poll));
        for (int i = Count - 1; i > 1; i--) poll.Remove(signals[i].Handle);
        Assert.False(poll.IsInKernel);
        Assert.Equal([1UL], Readable(poll));
        poll.SetMuted(signals[0].Handle, false);
        Assert.Equal([0UL, 1UL], Readable(poll));
    }

    [Fact]
    public async Task A_wait_for_ever_on_many_ends_when_one_becomes_readable()
    {
        using Signals signals = new(50);
        using PollSet poll = signals.Poll();
        Task set = Task.Run(signals[33].Set);
        ulong[] keys = new ulong[64];
        int found;
        do found = poll.WaitReadable(keys, Timeout.InfiniteTimeSpan);
        while (found == 0);
        Assert.Equal([33UL], keys[..found]);
        await set;
    }

    private static ulong[] Readable(PollSet poll)
    {
        ulong[] keys = new ulong[256];
        return [.. keys[..poll.WaitReadable(keys, TimeSpan.Zero)].Order()];
    }

    private sealed class Signals(int count) : IDisposable
    {
        private readonly EventSignal[] _all = [.. Enumerable.Range(0, count).Select(_ => new EventSignal())];

        public EventSignal this[int index] => _all[index];

        public PollSet Poll()
        {
            PollSet poll = new();
            for (int i = 0; i < _all.Length; i++) poll.Add(_all[i].Handle, (ulong)i);
            return poll;
        }

        public void Dispose()
        {
            foreach (EventSignal signal in _all) signal.Dispose();
        }
    }
}
