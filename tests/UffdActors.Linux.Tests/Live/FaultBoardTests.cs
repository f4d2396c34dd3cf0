using System.Diagnostics;
using System.IO.MemoryMappedFiles;
using UffdActors.Handling;
using UffdActors.Linux.Live;
using UffdActors.Linux.Watching;
using UffdActors.Model.Mapping;
using UffdActors.Testing.Guests;
using UffdActors.Testing.ThisMachine;
using UffdActors.Watchdog;

namespace UffdActors.Linux.Tests.Live;

/// <summary>What the runtime writes on the board, read as the watchdog reads it.</summary>
public sealed class FaultBoardTests
{
    private static readonly WatchdogOptions Options = new(TimeSpan.FromSeconds(3), WatchdogPolicy.Kill);

    [Fact]
    public void A_slot_is_read_as_it_was_written_and_is_gone_when_it_is_free()
    {
        using FaultBoard board = new();
        Assert.Empty(Read(board));
        BoardSlot first = board.Take("vm-0/context-1", 17, Options);
        BoardSlot second = board.Take(new string('x', 200), 18, new WatchdogOptions(TimeSpan.FromSeconds(1)));
        second.Beat();
        second.Beat();

        List<WatchedUserfault> found = Read(board);
        Assert.Equal(new WatchedUserfault(0, 1, "vm-0/context-1", 17, 0, 3_000_000_000, true, null), found[0]);
        Assert.Equal(
            (1, 1, 18, 2L, 1_000_000_000L, false),
            (found[1].Slot, found[1].Generation, found[1].Descriptor, found[1].Beats, found[1].Deadline, found[1].Kills));
        Assert.Equal(new string('x', BoardLayout.NameBytes), found[1].Name);

        first.Free();
        Assert.Equal(1, Assert.Single(Read(board)).Slot);
        BoardSlot again = board.Take("again", 19, Options);
        Assert.Equal((0, 2), (Read(board)[0].Slot, Read(board)[0].Generation));
        again.Free();
        second.Free();
    }

    [Fact]
    public void When_every_slot_is_taken_the_next_is_refused_by_name()
    {
        using FaultBoard board = new();
        BoardSlot[] all = [.. Enumerable.Range(0, BoardLayout.Slots).Select(i => board.Take("x", i, Options))];
        Assert.Equal(BoardLayout.Slots, Read(board).Count);
        Assert.Contains(
            "255 userfaultfds", Assert.Throws<UffdConfigurationException>(() => board.Take("one more", 1, Options)).Message,
            StringComparison.Ordinal);
        foreach (BoardSlot slot in all) slot.Free();
    }

    [Fact]
    public void Every_change_of_a_slot_takes_its_sequence_number_on_by_two_and_a_beat_leaves_it()
    {
        using FaultBoard board = new();
        using SlotView view = new(board);
        BoardSlot slot = board.Take("x", 1, Options);
        int before = view.Sequence;
        Assert.True(int.IsEvenInteger(before));
        PageRequest request = NewRequest(1);
        slot.Add(request, 1, 1);
        Assert.Equal(before + 2, view.Sequence);
        slot.Beat();
        Assert.Equal(before + 2, view.Sequence);
        slot.Remove(request);
        Assert.Equal(before + 4, view.Sequence);
        slot.Free();
        Assert.Equal(before + 6, view.Sequence);
        board.Take("y", 1, Options).Free();
        Assert.Equal(before + 10, view.Sequence);
    }

    /// <summary>A request without a region stops the writer in the middle, which is where a reader may come by.</summary>
    [Fact]
    public void What_is_half_written_is_not_read()
    {
        using FaultBoard board = new();
        using SlotView view = new(board);
        BoardSlot slot = board.Take("x", 1, Options);
        PageRequest whole = NewRequest(1);
        slot.Add(whole, 1, 1);
        Assert.Equal(new OutstandingFault(1, 1, 1, 1, 1, 1), view.Read()?.Oldest);
        slot.Remove(whole);
        Assert.NotNull(view.Read());

        PageRequest half = NewRequest(2);
        half.Region = null!;
        _ = Assert.Throws<NullReferenceException>(() => slot.Add(half, 2, 2));
        Assert.Equal(2, view.FaultId);
        Assert.True(int.IsOddInteger(view.Sequence));
        Assert.Null(view.Read());

        slot.Remove(half);
        Assert.Null(view.Read()!.Oldest);
        slot.Free();
    }

    [SkippableFact]
    public async Task A_fault_stands_on_the_board_until_it_is_resolved_and_not_while_it_is_given_up()
    {
        ThisKernel.Require();
        const int Pages = 8;
        using HeldSource source = new(Pages);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm =
            await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1, Watchdog = new WatchdogOptions(TimeSpan.FromMinutes(5)) });
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        FaultBoard board = ((LiveKernel)vm.Kernel).Board!;
        long before = Stopwatch.GetTimestamp();

        VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Reads(2)]);
        await source.Asked.Task.WaitAsync(LiveScene.Deadline);
        WatchedUserfault watched = Assert.Single(Read(board));
        OutstandingFault fault = Assert.IsType<OutstandingFault>(watched.Oldest);
        Assert.Equal((region.Address + (2 * 4096), 0, 2L), (fault.Address, fault.Region, fault.Page));
        Assert.InRange(fault.Raised, before, Stopwatch.GetTimestamp());
        Assert.Contains(KernelTask.Of(Environment.ProcessId), t => t.Id == fault.Thread && t.Name == $"{vm.Name}-vcpu-0");
        Assert.NotEqual(0, watched.Beats);

        source.Fail();
        while ((await vm.Incidents.ReadOtherAsync()).Kind != IncidentKind.SourceFailed)
        {
            // Others come before it.
        }

        // It is told first, and taken off behind that; while its slot is being written there is none to be read.
        await LiveScene.UntilAsync(() => Read(board) is [{ Oldest: null }]);
        source.AnswersNow = true;
        uffd.Recover();
        await vcpus.WaitAsync().WaitAsync(LiveScene.Deadline);
        await uffd.Kernel.CloseAsync(CancellationToken.None);
        Assert.Empty(Read(board));
    }

    private static List<WatchedUserfault> Read(FaultBoard board)
    {
        byte[] copy = File.ReadAllBytes($"/proc/self/fd/{board.Descriptor}");
        Assert.Null(BoardSnapshot.Refusal(copy));
        return BoardSnapshot.Read(copy, copy);
    }

    private static PageRequest NewRequest(int number) => new(null!, new HandlerSlot(0, new NoThread()), null!)
    {
        Id = number,
        Address = (ulong)number,
        Page = number,
        Region = new ServedRegion(number, new PageRange(0, 1), 0, ResolveBy.Copy, new RegionPages(1)),
    };

    /// <summary>The first slot as another process sees it.</summary>
    private sealed class SlotView : IDisposable
    {
        private readonly MemoryMappedFile _file;
        private readonly MemoryMappedViewAccessor _memory;

        public SlotView(FaultBoard board)
        {
            _file = MemoryMappedFile.CreateFromFile(
                $"/proc/self/fd/{board.Descriptor}", FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
            _memory = _file.CreateViewAccessor(0, BoardLayout.Bytes, MemoryMappedFileAccess.Read);
        }

        public int Sequence => _memory.ReadInt32(BoardLayout.OffsetOf(0) + BoardLayout.Sequence);

        public long FaultId => _memory.ReadInt64(BoardLayout.OffsetOf(0) + BoardLayout.FaultId);

        public WatchedUserfault? Read()
        {
            byte[] copy = new byte[BoardLayout.Bytes];
            _ = _memory.ReadArray(0, copy, 0, copy.Length);
            return BoardSnapshot.Read(copy, copy).SingleOrDefault();
        }

        public void Dispose()
        {
            _memory.Dispose();
            _file.Dispose();
        }
    }

    /// <summary>Holds its first order, then fails every one, then answers with zeros.</summary>
    private sealed class HeldSource(int pages) : IPageSource
    {
        private (long Id, IPageReceiver Receiver) _held;
        private volatile bool _fails;

        public TaskCompletionSource Asked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public long Pages => pages;

        public bool AnswersAtOnce => false;

        public bool AnswersNow { get; set; }

        public void Request(in PageOrder order, IPageReceiver receiver)
        {
            if (AnswersNow)
            {
                receiver.Received(order.Id, order.FirstPage, order.Pages, SourceContent.Zero, 0);
            }
            else if (_fails)
            {
                receiver.Failed(order.Id, new IOException("no"));
            }
            else
            {
                _held = (order.Id, receiver);
                _ = Asked.TrySetResult();
            }
        }

        public void Fail()
        {
            _fails = true;
            _held.Receiver.Failed(_held.Id, new IOException("no"));
        }

        public void Dispose()
        {
        }
    }
}
