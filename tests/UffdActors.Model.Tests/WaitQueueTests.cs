using CsCheck;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Tests;

/// <summary>The queues of a context, against a list that is searched from end to end.</summary>
public class WaitQueueTests
{
    // Few pages, so that several threads sleep on one, and more threads than the table has buckets at first.
    private const int Pages = 24;
    private const int Steps = 120;
    private const ulong Base = 0x1000_0000_0000;

    private enum Kind
    {
        Sleep,
        SleepToo,
        SleepOnceMore,
        Read,
        Withdraw,
        WakePage,
        WakeRange,
        WakeMany,
    }

    [Fact]
    public void Every_thread_is_read_once_oldest_first_and_woken_by_its_own_address_only()
    {
        using Machine machine = new(KernelProfile.Linux618, ContentKind.Stamps, 16);
        AddressSpace mm = new(machine);
        Gen<(Kind, int, int)> step = Gen.Select(Gen.Enum<Kind>(), Gen.Int[0, Pages - 1], Gen.Int[0, 4095]);
        step.List[1, Steps].Sample(steps =>
        {
            WaitQueue queue = new();
            List<(Sleeper Thread, bool IsRead)> model = [];
            foreach ((Kind kind, int page, int offset) in steps)
            {
                switch (kind)
                {
                    case Kind.Sleep or Kind.SleepToo or Kind.SleepOnceMore:
                        Sleeper sleeper = new(mm, AddressOf(page) + (ulong)offset);
                        queue.Enqueue(sleeper);
                        model.Add((sleeper, false));
                        break;
                    case Kind.Read:
                        int oldest = model.FindIndex(m => !m.IsRead);
                        Assert.Same(oldest < 0 ? null : model[oldest].Thread, queue.Read());
                        if (oldest >= 0) model[oldest] = (model[oldest].Thread, true);
                        break;
                    case Kind.Withdraw when model.Count > 0:
                        int leaving = ((page * 4096) + offset) % model.Count;
                        queue.Remove(model[leaving].Thread);
                        model.RemoveAt(leaving);
                        break;
                    case Kind.WakePage:
                        Wake(queue, model, AddressOf(page), AddressOf(page + 1));
                        break;
                    case Kind.WakeRange:
                        // Ends inside pages: whose address is the end sleeps on, whose address is the start does not.
                        Wake(queue, model, AddressOf(page) + (ulong)offset, AddressOf(page) + (ulong)offset + 1 + ((ulong)offset * 3));
                        break;
                    case Kind.WakeMany:
                        Wake(queue, model, AddressOf(page), AddressOf(page + (offset * 2) + 1));
                        break;
                }

                Assert.Equal((model.Count, model.Count(m => !m.IsRead)), (queue.Total, queue.Pending));
                Assert.Equal(model.Select(m => m.Thread.Id).Order(), queue.Waiters().Select(a => ((Sleeper)a).Id).Order());
                Assert.All(model, m => Assert.Equal(m.IsRead ? WaitState.Read : WaitState.Pending, m.Thread.WaitState));
            }
        });
    }

    [Fact]
    public void A_wake_that_ends_at_a_threads_address_leaves_it_and_one_that_begins_there_does_not()
    {
        using Machine machine = new(KernelProfile.Linux618, ContentKind.Stamps, 16);
        AddressSpace mm = new(machine);
        WaitQueue queue = new();
        Sleeper sleeper = new(mm, Base + 0x1800);
        queue.Enqueue(sleeper);
        queue.Wake(Base, Base + 0x1800);
        queue.Wake(Base + 0x1801, Base + 0x3000);
        Assert.False(sleeper.IsAwake);
        queue.Wake(Base + 0x1800, Base + 0x1801);
        Assert.True(sleeper.IsAwake);
        Assert.Equal(0, queue.Total);
    }

    private static void Wake(WaitQueue queue, List<(Sleeper Thread, bool IsRead)> model, ulong start, ulong end)
    {
        queue.Wake(start, end);
        foreach ((Sleeper thread, _) in model) Assert.Equal(thread.MessageAddress >= start && thread.MessageAddress < end, thread.IsAwake);
        _ = model.RemoveAll(m => m.Thread.IsAwake);
    }

    private static ulong AddressOf(long page) => Base + ((ulong)page << PageSize.BaseShift);

    /// <summary>A thread that sleeps, and notes when it is let go.</summary>
    private sealed class Sleeper : Access
    {
        private static int _last;

        public Sleeper(AddressSpace mm, ulong address)
            : base(Thread(mm))
        {
            typeof(Access).GetProperty(nameof(MessageAddress))!.SetValue(this, address);
        }

        public int Id { get; } = Interlocked.Increment(ref _last);

        public bool IsAwake { get; private set; }

        protected override void OnWoken() => IsAwake = true;

        private static Caller Thread(AddressSpace mm)
        {
            Caller caller = new(mm);
            caller.Attach(new NoPort());
            return caller;
        }
    }

    private sealed class NoPort : Port
    {
        public override void Send(Operation operation)
        {
        }

        public override Port Spawn(Owner child) => this;
    }
}
