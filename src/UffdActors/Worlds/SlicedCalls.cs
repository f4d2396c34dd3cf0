using Akka.Actor;
using UffdActors.Actors;
using UffdActors.Failures;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Statistics;

namespace UffdActors.Worlds;

/// <summary>
/// The embedder's calls over ranges on one userfaultfd: one after another, in the order in which they were begun, so that what two calls
/// leave of one range is what the later leaves; each in slices (<see cref="RangeSlices"/>), and each slice in a turn of its own, so that
/// faults are served between two of them.
/// </summary>
/// <remarks>Safe for any thread.</remarks>
internal sealed class SlicedCalls(VmRoot vm, KernelUserfault kernel)
{
    private const int QuickReads = 8;
    private static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _closed = vm.NewCompletion();
    private Task _latest = Task.CompletedTask;
    private volatile bool _isServed;

    /// <summary>Comes after every slice, with what was called, while the ring is free; for tests.</summary>
    public Func<PageRange, Task>? AfterSlice { get; set; }

    /// <summary>From here on the events are read.</summary>
    public void Served() => _isServed = true;

    /// <summary>The userfaultfd is being closed: calls under way end with the slice that they are at.</summary>
    public void Close() => _ = _closed.TrySetResult();

    /// <summary>Makes a call in slices.</summary>
    /// <param name="name">Name of the ioctl.</param>
    /// <param name="region">Region.</param>
    /// <param name="slices">The range, and what the call reports.</param>
    /// <param name="call">Calls the kernel for a part of the range.</param>
    /// <param name="cancel">Cancels before the first slice, and between two.</param>
    /// <returns>
    /// What a single call gives: errno and, where the call has it, signed progress. If one without progress fails behind its first slice,
    /// the bytes that are done are its progress.
    /// </returns>
    /// <exception cref="CallCancelledException">Cancelled when a part was done.</exception>
    /// <exception cref="ObjectDisposedException">The userfaultfd has been closed.</exception>
    public Task<IoctlResult> RunAsync(
        string name, GuestRegion region, RangeSlices slices, Func<PageRange, CancellationToken, Task<IoctlResult>> call,
        CancellationToken cancel) =>
        UffdActivities.CallAsync(
            name.ToLowerInvariant(), vm.Name, () => InOrderAsync(() => SliceAsync(name, region, slices, call, cancel), cancel));

    /// <summary>Makes calls over several ranges, many of them without a way back to the caller between two.</summary>
    /// <param name="name">Name of the ioctl.</param>
    /// <param name="region">Region.</param>
    /// <param name="ranges">Ranges of it, none of them empty.</param>
    /// <param name="call">Calls the kernel for some of them: how many are done, and the last answer.</param>
    /// <param name="cancel">Cancels before the first turn, and between two.</param>
    /// <returns>None if all are done; the errno of the first that failed, with the bytes before it as progress.</returns>
    /// <exception cref="CallCancelledException">Cancelled when a part was done.</exception>
    /// <exception cref="ObjectDisposedException">The userfaultfd has been closed.</exception>
    public Task<IoctlResult> RunEachAsync(
        string name, GuestRegion region, IReadOnlyList<PageRange> ranges,
        Func<IReadOnlyList<PageRange>, CancellationToken, Task<(int Done, IoctlResult Last)>> call, CancellationToken cancel) =>
        UffdActivities.CallAsync(
            name.ToLowerInvariant(), vm.Name, () => InOrderAsync(() => EachAsync(name, region, ranges, call, cancel), cancel));

    /// <summary>Takes what was written, in slices; ranges that meet at a cut are one.</summary>
    /// <param name="region">Region.</param>
    /// <param name="pages">Base pages of it.</param>
    /// <param name="take">Takes a part of the range.</param>
    /// <param name="cancel">Cancels before the first slice only: what was taken is found nowhere else.</param>
    public Task<IReadOnlyList<PageRange>> TakeAsync(
        GuestRegion region, PageRange pages, Func<PageRange, CancellationToken, Task<IReadOnlyList<PageRange>>> take,
        CancellationToken cancel) => UffdActivities.CallAsync("pagemap_scan", vm.Name, () =>
        InOrderAsync(
            async () =>
            {
                List<PageRange> taken = [];
                RangeSlices slices = new(region, pages, counts: false);
                while (slices.Result is null)
                {
                    PageRange slice = slices.Next;
                    IReadOnlyList<PageRange> found;
                    try
                    {
                        found = await take(slice, slices.BytesDone == 0 ? cancel : CancellationToken.None);
                    }
                    catch (UffdException) when (_closed.Task.IsCompleted)
                    {
                        // Not registered any more, which is no fault of the caller's range.
                        throw ClosedObjects.Userfault();
                    }

                    foreach (PageRange range in found)
                    {
                        if (taken.Count > 0 && taken[^1].End == range.Start) taken[^1] = taken[^1] with { End = range.End };
                        else taken.Add(range);
                    }

                    slices.Take(new IoctlResult(Errno.None, null));
                    if (AfterSlice is { } probe) await probe(slice);
                }

                return (IReadOnlyList<PageRange>)taken;
            },
            cancel));

    /// <summary>Looks at pages in its turn, part by part. Nothing is changed, so it can be given up behind any part.</summary>
    /// <param name="name">What is looked at.</param>
    /// <param name="parts">Parts of a range, in order.</param>
    /// <param name="look">Looks at a part.</param>
    /// <param name="cancel">Cancels before the first part, and between two.</param>
    /// <exception cref="ObjectDisposedException">The userfaultfd has been closed.</exception>
    public Task LookAsync(string name, IEnumerable<PageRange> parts, Func<PageRange, Task> look, CancellationToken cancel) =>
        UffdActivities.CallAsync(name, vm.Name, () => InOrderAsync(() => LookAtAsync(parts, look, cancel), cancel));

    private async Task<bool> LookAtAsync(IEnumerable<PageRange> parts, Func<PageRange, Task> look, CancellationToken cancel)
    {
        foreach (PageRange part in parts)
        {
            cancel.ThrowIfCancellationRequested();
            Task looking = look(part);
            // What is asked of a context that has ended is never answered.
            _ = await Task.WhenAny(looking, _closed.Task);
            if (_closed.Task.IsCompleted && !looking.IsCompletedSuccessfully) throw ClosedObjects.Userfault();
            await looking;
            if (AfterSlice is { } probe) await probe(part);
        }

        return true;
    }

    private async Task<IoctlResult> SliceAsync(
        string name, GuestRegion region, RangeSlices slices, Func<PageRange, CancellationToken, Task<IoctlResult>> call,
        CancellationToken cancel)
    {
        for (int reads = 0; slices.Result is null;)
        {
            if (cancel.IsCancellationRequested && slices.BytesDone > 0) throw Cancelled(name, region, slices, cancel);
            if (_closed.Task.IsCompleted) throw ClosedObjects.Userfault();
            PageRange slice = slices.Next;
            IoctlResult answer;
            try
            {
                answer = await call(slice, cancel);
            }
            catch (OperationCanceledException) when (slices.BytesDone > 0)
            {
                throw Cancelled(name, region, slices, cancel);
            }

            if (!answer.IsDone && _closed.Task.IsCompleted) throw ClosedObjects.Userfault();
            if (_isServed && slices.AwaitsEvents(answer))
            {
                await EventsReadAsync(reads++);
                continue;
            }

            reads = 0;
            slices.Take(answer);
            if (AfterSlice is { } probe) await probe(slice);
        }

        return slices.Result.Value;
    }

    private async Task<IoctlResult> EachAsync(
        string name, GuestRegion region, IReadOnlyList<PageRange> ranges,
        Func<IReadOnlyList<PageRange>, CancellationToken, Task<(int Done, IoctlResult Last)>> call, CancellationToken cancel)
    {
        RangeBatches batches = new(region, ranges);
        long all = ranges.Sum(r => r.Count) << PageSize.BaseShift;
        for (int reads = 0; batches.Next.Count > 0;)
        {
            long before = batches.PagesDone << PageSize.BaseShift;
            if (cancel.IsCancellationRequested && before > 0) throw Cancelled(name, region, before, all, cancel);
            if (_closed.Task.IsCompleted) throw ClosedObjects.Userfault();
            IReadOnlyList<PageRange> batch = batches.Next;
            (int Done, IoctlResult Last) answer;
            try
            {
                answer = await call(batch, cancel);
            }
            catch (OperationCanceledException) when (before > 0)
            {
                throw Cancelled(name, region, before, all, cancel);
            }

            if (!answer.Last.IsDone && _closed.Task.IsCompleted) throw ClosedObjects.Userfault();
            batches.Take(answer.Done);
            long done = batches.PagesDone << PageSize.BaseShift;
            if (_isServed && answer.Last.NeedsEventsRead && done > 0)
            {
                reads = answer.Done > 0 ? 0 : reads;
                await EventsReadAsync(reads++);
                continue;
            }

            if (!answer.Last.IsDone) return done == 0 ? answer.Last : answer.Last with { Progress = done };
            reads = 0;
            if (AfterSlice is { } probe) await probe(batch[^1]);
        }

        return new IoctlResult(Errno.None, null);
    }

    // A thread that changes the map goes on only when its event has been read, and has to get a CPU for it: at first it is asked again at
    // once, then later and later.
    private async Task EventsReadAsync(int reads)
    {
        TaskCompletionSource read = vm.NewCompletion();
        VmProtocol.ReadEvents message = new(read);
        if (reads < QuickReads) kernel.Actor.Tell(message, ActorRefs.NoSender);
        else vm.Context.Time.After(
            TimeSpan.FromMilliseconds(Math.Min(1L << Math.Min(reads - QuickReads, 30), (long)LongestWait.TotalMilliseconds)), kernel.Actor,
            message);
        await vm.OrFailed(Task.WhenAny(read.Task, _closed.Task));
    }

    private CallCancelledException Cancelled(string name, GuestRegion region, RangeSlices slices, CancellationToken cancel) =>
        Cancelled(name, region, slices.BytesDone, slices.BytesInAll, cancel);

    private CallCancelledException Cancelled(string name, GuestRegion region, long done, long all, CancellationToken cancel)
    {
        string message = $"{name} of region {region.Id} was cancelled when {done} of {all} bytes were done; they stay so.";
        // A caller that has cancelled may not wait any more.
        vm.Context.Incidents.Report(new Incident(IncidentKind.CancelledCallEnded, message));
        return new CallCancelledException(message, done, cancel);
    }

    private async Task<T> InOrderAsync<T>(Func<Task<T>> call, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        TaskCompletionSource over = vm.NewCompletion();
        Task before;
        lock (_gate)
        {
            before = _latest;
            _latest = over.Task;
        }

        try
        {
            await before.WaitAsync(cancel);
            return await call();
        }
        finally
        {
            // A caller that stops waiting keeps its place: the next call does not overtake the one before.
            if (before.IsCompleted) over.SetResult();
            else _ = before.ContinueWith(
                (_, o) => ((TaskCompletionSource)o!).SetResult(), over, CancellationToken.None,
                TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }
}
