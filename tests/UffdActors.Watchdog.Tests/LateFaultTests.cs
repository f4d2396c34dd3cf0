namespace UffdActors.Watchdog.Tests;

public class LateFaultTests
{
    private const long Second = 1_000_000_000;
    private const long Deadline = 2 * Second;

    private readonly LateFaults _late = new();

    [Fact]
    public void A_fault_is_late_at_the_second_look_that_sees_it_as_old_as_the_deadline_and_is_reported_once()
    {
        WatchedUserfault watched = Idle with { Oldest = Fault(7, raised: Second) };

        Assert.Empty(_late.Look([watched], Second + Deadline - 1));
        Assert.Empty(_late.Look([watched], Second + Deadline));
        Alarm alarm = Assert.Single(_late.Look([watched], Second + Deadline + 5));
        Assert.Empty(_late.Look([watched], 100 * Second));

        Assert.Equal(7, alarm.Fault!.Id);
        Assert.Equal(Deadline + 5, alarm.Age);
        // First seen one look before the deadline, and not moved since.
        Assert.Equal(6, alarm.Silence);
    }

    [Fact]
    public void A_loop_that_sleeps_with_nothing_outstanding_is_never_late()
    {
        for (long now = 0; now < 100 * Second; now += Second) Assert.Empty(_late.Look([Idle], now));
    }

    [Fact]
    public void A_moving_heartbeat_excuses_nobody_whose_fault_is_on_the_board()
    {
        int alarms = 0;
        for (int i = 0; i < 10; i++)
            alarms += _late.Look([Idle with { Beats = i, Oldest = Fault(1, raised: Second) }], 5 * Second + i).Count;
        Assert.Equal(1, alarms);
    }

    [Fact]
    public void A_fault_that_is_resolved_between_two_looks_is_not_reported_and_the_next_one_starts_anew()
    {
        Assert.Empty(_late.Look([Idle with { Oldest = Fault(1, raised: Second) }], 4 * Second));
        Assert.Empty(_late.Look([Idle with { Oldest = Fault(2, raised: Second) }], 5 * Second));
        Assert.Equal(2, Assert.Single(_late.Look([Idle with { Oldest = Fault(2, raised: Second) }], 6 * Second)).Fault!.Id);
        Assert.Empty(_late.Look([Idle with { Oldest = Fault(3, raised: 6 * Second) }], 6 * Second));
        Assert.Empty(_late.Look([Idle with { Oldest = Fault(3, raised: 6 * Second) }], 7 * Second));
    }

    [Fact]
    public void Unread_faults_are_late_when_the_loop_has_made_no_pass_for_as_long_as_the_deadline()
    {
        WatchedUserfault frozen = Idle with { Beats = 9, Unread = 2 };

        Assert.Empty(_late.Look([frozen], Second));
        Assert.Empty(_late.Look([frozen], Second + Deadline));
        Alarm alarm = Assert.Single(_late.Look([frozen], Second + Deadline + 1));
        Assert.Empty(_late.Look([frozen], 50 * Second));

        Assert.Null(alarm.Fault);
        Assert.Equal(Deadline + 1, alarm.Age);
        Assert.Equal(Deadline + 1, alarm.Silence);
    }

    [Fact]
    public void A_thread_that_a_signal_takes_out_of_its_fault_at_one_look_is_as_late_as_before_and_one_that_is_gone_is_not()
    {
        WatchedUserfault frozen = Idle with { Unread = 1 };
        Assert.Empty(_late.Look([frozen], Second));
        Assert.Empty(_late.Look([Idle], 2 * Second));
        Assert.Empty(_late.Look([frozen], 4 * Second));
        Assert.Equal(4 * Second, Assert.Single(_late.Look([frozen], 5 * Second)).Age);

        Assert.Empty(_late.Look([Idle], 6 * Second));
        Assert.Empty(_late.Look([Idle], 7 * Second));
        Assert.Empty(_late.Look([frozen], 8 * Second));
        Assert.Empty(_late.Look([frozen], 9 * Second));
    }

    [Fact]
    public void A_loop_that_goes_round_reads_so_faults_that_are_unread_at_every_look_are_others_each_time()
    {
        for (int i = 0; i < 100; i++) Assert.Empty(_late.Look([Idle with { Beats = i, Unread = 3 }], i * Second));
    }

    [Fact]
    public void A_slot_that_is_anothers_by_now_starts_anew()
    {
        Assert.Empty(_late.Look([Idle with { Unread = 1 }], Second));
        Assert.Empty(_late.Look([Idle with { Unread = 1, Generation = 2 }], 10 * Second));
        Assert.Empty(_late.Look([Idle with { Unread = 1, Generation = 2 }], 11 * Second));
    }

    [Fact]
    public void Each_userfaultfd_has_its_own_deadline_and_who_is_left_out_of_a_look_is_not_judged()
    {
        WatchedUserfault strict = Idle with { Slot = 1, Deadline = Second, Kills = true, Oldest = Fault(1, raised: Second) };
        WatchedUserfault patient = Idle with { Slot = 2, Deadline = 60 * Second, Oldest = Fault(2, raised: Second) };

        Assert.Empty(_late.Look([strict, patient], 5 * Second));
        Assert.Empty(_late.Look([patient], 6 * Second));
        Alarm alarm = Assert.Single(_late.Look([strict, patient], 7 * Second));
        Assert.True(alarm.Userfault.Kills);
    }

    [Theory]
    [InlineData(100, 12)]
    [InlineData(800, 100)]
    [InlineData(20, 10)]
    [InlineData(60_000, 250)]
    public void It_looks_eight_times_in_a_deadline_within_bounds(int deadlineMilliseconds, int lookMilliseconds) =>
        Assert.Equal(
            lookMilliseconds,
            (int)LateFaults.NextLook(
                [Idle with { Deadline = deadlineMilliseconds * 1_000_000L }, Idle with { Deadline = 100 * Second }]).TotalMilliseconds);

    [Fact]
    public void The_line_names_the_fault_its_thread_the_heartbeat_and_the_threads()
    {
        KernelTask[] threads = [
            new(41, "guest", 'S', "handle_userfault"), new(40, "runtime", 'S', "futex_do_wait"), new(42, "other", 'S', "futex_do_wait"),
            new(43, "runs", 'R', "")];
        Alarm alarm = new(Idle with { Beats = 12, Descriptor = 9 }, Fault(3, raised: Second), 3 * Second, Second / 2);

        Assert.Equal(
            "uffd watchdog: process 40, vm-0/context-1 (descriptor 9): the fault at 0x7000 (region 0, page 5) of thread 41 (guest) is "
            + "unresolved after 3.0 s, deadline 2.0 s; "
            + "the fault loop's heartbeat stands at 12 for 0.5 s; threads: 41 guest S handle_userfault, 2 in S futex_do_wait, 1 in R; "
            + "left alone",
            AlarmText.Of(40, alarm, threads, "left alone"));
    }

    [Fact]
    public void The_threads_of_a_process_are_there_and_those_of_none_are_none()
    {
        Assert.Contains(
            KernelTask.Of(Environment.ProcessId), t => t.Id == Environment.ProcessId && "RSD".Contains(t.State, StringComparison.Ordinal));
        Assert.Empty(KernelTask.Of(int.MaxValue));
    }

    private static WatchedUserfault Idle { get; } = new(0, 1, "vm-0/context-1", 5, 0, Deadline, false, null);

    private static OutstandingFault Fault(long id, long raised) => new(id, raised, 0x7000, 0, 5, 41);
}
