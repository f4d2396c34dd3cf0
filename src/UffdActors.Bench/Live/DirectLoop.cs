using UffdActors.Linux;
using UffdActors.Linux.Live;
using UffdActors.Linux.Machine;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Linux.Waiting;
using UffdActors.Model.Memory;

namespace UffdActors.Bench.Live;

/// <summary>
/// The baseline of the ring: one thread that polls, reads and issues one ioctl a fault, and vCPUs that are plain threads. The same memory,
/// features, batch, bytes and placement as the ring, without actors.
/// </summary>
internal sealed class DirectLoop : IDisposable
{
    // The same as the ring's.
    private const int MessagesPerRead = 64;
    private const ulong StopKey = 0;
    private const ulong FaultKey = 1;

    private readonly bool _minor;
    private readonly LiveCpus _cpus;
    private readonly BytePages _image;
    private readonly LiveMemory _memory;
    private readonly UffdDescriptor _uffd;
    private readonly MessageBatch _batch = new(MessagesPerRead);
    private readonly PollSet _poll = new();
    private readonly EventSignal _stop = new();
    private long _absent;
    private volatile bool _givenUp;

    public DirectLoop(LiveBenchOptions options, LiveCpus cpus, BytePages image)
    {
        _minor = options.Mode == BenchMode.Minor;
        _cpus = cpus;
        _image = image;
        _absent = options.Pages;
        _memory = LiveMemory.Map(RingGuest.RegionOf(options));
        try
        {
            if (_minor) _memory.Fill(image.Address);
            _uffd = UffdDescriptor.Open(new UffdOpenOptions { AllowUserModeOnly = true });
            _poll.Add(_stop.Handle, StopKey);
            _poll.Add(_uffd.Handle, FaultKey);
        }
        catch
        {
            _memory.Dispose();
            throw;
        }
    }

    /// <summary>Touches every page once.</summary>
    /// <exception cref="SyscallException">The kernel refuses a call.</exception>
    /// <exception cref="BenchException">A page did not hold what it must.</exception>
    public async Task<LiveSample> RunAsync(StartGate gate, TimedTouches[] work, CancellationToken cancel)
    {
        Check("ioctl(UFFDIO_API)", _uffd.Handshake(UffdFeatures.ThreadId, out _));
        Check("ioctl(UFFDIO_REGISTER)",
            _uffd.Register(_memory.Guest.Address, _memory.Guest.Bytes, _minor ? RegisterModes.Minor : RegisterModes.Missing, out _));
        Task loop = OnThread("direct-loop", Serve);
        Task[] vcpus = [.. work.Select((w, i) => OnThread($"direct-vcpu-{i}", () => Touch(w)))];
        // A loop that fails ends the run: nothing else would wake the vCPUs.
        Task guest = Task.WhenAll([loop, .. vcpus]);
        try
        {
            return await LiveSample.TakeAsync(gate, work, guest, cancel);
        }
        finally
        {
            _stop.Set();
            await guest.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>To be called when <see cref="RunAsync"/> has ended.</summary>
    public void Dispose()
    {
        _uffd.Dispose();
        _memory.Dispose();
        _batch.Dispose();
        _poll.Dispose();
        _stop.Dispose();
    }

    private void Serve()
    {
        try
        {
            ThreadPlacement.BindTo(_cpus.Loop);
            ulong[] keys = new ulong[1];
            while (_absent > 0)
            {
                if (_poll.WaitReadable(keys, Timeout.InfiniteTimeSpan) == 0) continue;
                if (keys[0] == StopKey) break;
                Errno error = _uffd.Read(_batch);
                if (error is not (Errno.None or Errno.EAGAIN)) throw new SyscallException("read(userfaultfd)", error);
                for (int i = 0; i < _batch.Count; i++) Resolve(_batch[i].Address & ~((ulong)PageSize.Base - 1));
            }
        }
        finally
        {
            if (_absent > 0)
            {
                // The close wakes every waiting vCPU, which then reads zeros; that is no error here.
                _givenUp = true;
                _uffd.Dispose();
            }
        }
    }

    private void Resolve(ulong address)
    {
        while (true)
        {
            IoctlResult result = _minor
                ? _uffd.Continue(address, PageSize.Base)
                : _uffd.Copy(address, (ulong)_image.Address + (address - _memory.Guest.Address), PageSize.Base);
            switch (result.Error)
            {
                case Errno.None:
                    _absent--;
                    return;
                case Errno.EEXIST:
                    // A signal makes a thread fault twice.
                    Check("ioctl(UFFDIO_WAKE)", _uffd.Wake(address, PageSize.Base));
                    return;
                case Errno.EAGAIN:
                    break;
                default:
                    throw new SyscallException(_minor ? "ioctl(UFFDIO_CONTINUE)" : "ioctl(UFFDIO_COPY)", result.Error);
            }
        }
    }

    private void Touch(TimedTouches work)
    {
        try
        {
            ThreadPlacement.BindTo(_cpus.Vcpus);
            while (work.TryNext(out GuestStep step))
            {
                int offset = GuestLayout.ReadOnlyLaneOf(step.Page);
                ulong value = _memory.Guest.ReadWord((step.Page << PageSize.BaseShift) + offset);
                if (_givenUp) return;
                if (value != _image.WordAt(0, step.Page, offset))
                    throw new BenchException($"Page {step.Page} holds 0x{value:x16}, which is not what was copied into it.");
            }
        }
        catch
        {
            // Its pages stay absent, and the loop would wait for their faults.
            _stop.Set();
            throw;
        }
    }

    private static Task OnThread(string name, Action work)
    {
        TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Thread thread = new(() =>
        {
            try
            {
                work();
                ended.SetResult();
            }
            catch (Exception e)
            {
                ended.SetException(e);
            }
        });
        thread.IsBackground = true;
        thread.Name = name;
        thread.Start();
        return ended.Task;
    }

    private static void Check(string call, Errno error)
    {
        if (error != Errno.None) throw new SyscallException(call, error);
    }
}
