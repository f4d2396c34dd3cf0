using System.Buffers;
using UffdActors.Model.Memory;

namespace UffdActors;

/// <summary>
/// A page source of which only the reading of a page is to be written: an asynchronous call that fills 4096 bytes. Several pages are read
/// at the same time, on threads of the pool, so that it may take its time, and block.
/// </summary>
/// <remarks>
/// What <see cref="ReadAsync(long, Memory{byte}, CancellationToken)"/> throws is the failure of that order: it is asked again by the rules
/// of <see cref="ServeOptions.SourcePatience"/>, and never if it is a <see cref="PageLostException"/>. An order without an answer for the
/// patience is given again while the first is still being read; the first answer counts.
/// Disposing cancels what is being read, and every later order fails; <see cref="DisposeAsync"/> also waits until no read is under way.
/// Bytes are copied once more, out of the buffer of the read: a source that cannot spend that is an <see cref="IPageSource"/> of its own.
/// </remarks>
/// <example>
/// <code>
/// internal sealed class FileSource(FileStream file) : PageSource(file.Length / 4096)
/// {
///     protected override async ValueTask&lt;SourceContent&gt; ReadAsync(
///         long page, Memory&lt;byte&gt; bytes, CancellationToken cancellationToken)
///     {
///         await RandomAccess.ReadAsync(file.SafeFileHandle, bytes, page * 4096, cancellationToken);
///         return SourceContent.Bytes;
///     }
/// }
/// </code>
/// </example>
public abstract class PageSource : IPageSource, IAsyncDisposable
{
    private readonly int _readsOfOrder;
    private readonly CancellationTokenSource _disposed = new();
    private readonly TaskCompletionSource _quiet = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Orders that are being answered, and one for not being disposed of.
    private int _open = 1;
    private int _isDisposed;

    /// <summary>Makes it.</summary>
    /// <param name="pages">Base pages that the source has.</param>
    /// <param name="readsOfOrder">
    /// Pages of one order that are read at the same time, at the most. A page on demand waits for no other.
    /// </param>
    protected PageSource(long pages, int readsOfOrder = 16)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(pages);
        ArgumentOutOfRangeException.ThrowIfLessThan(readsOfOrder, 1);
        Pages = pages;
        _readsOfOrder = readsOfOrder;
    }

    /// <inheritdoc />
    public long Pages { get; }

    /// <inheritdoc />
    public bool AnswersAtOnce => false;

    /// <summary>Reads a page. Called for several pages at the same time, and again for a page that has been read.</summary>
    /// <param name="page">Base page of the region.</param>
    /// <param name="bytes">Where its 4096 bytes go; no one else uses them until the call has ended. Not zeroed.</param>
    /// <param name="cancellationToken">The page is not wanted any more, or the source has been disposed of.</param>
    /// <returns>
    /// <see cref="SourceContent.Bytes"/>, or <see cref="SourceContent.Zero"/> for a page of zeros, whatever is in the bytes.
    /// </returns>
    protected abstract ValueTask<SourceContent> ReadAsync(long page, Memory<byte> bytes, CancellationToken cancellationToken);

    /// <summary>The same for a VM with several regions that differ; unless it is overridden, all of them have the same content.</summary>
    /// <param name="region">Number of the region.</param>
    /// <param name="page">Base page of it.</param>
    /// <param name="bytes">Where its 4096 bytes go.</param>
    /// <param name="cancellationToken">The page is not wanted any more, or the source has been disposed of.</param>
    protected virtual ValueTask<SourceContent> ReadAsync(int region, long page, Memory<byte> bytes, CancellationToken cancellationToken) =>
        ReadAsync(page, bytes, cancellationToken);

    /// <inheritdoc />
    public void Request(in PageOrder order, IPageReceiver receiver)
    {
        ArgumentNullException.ThrowIfNull(receiver);
        _ = Interlocked.Increment(ref _open);
        PageOrder wanted = order;
        // The turn of the ring goes on at once, whatever the read does before its first await.
        _ = Task.Run(() => AnswerAsync(wanted, receiver));
    }

    /// <summary>Cancels what is being read; every later order fails.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>The same, and waits until no read is under way: what the source reads from can be closed then.</summary>
    public async ValueTask DisposeAsync()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
        await _quiet.Task;
    }

    /// <summary>Cancels what is being read.</summary>
    /// <param name="disposing">True if it is disposed of, and not finalized.</param>
    protected virtual void Dispose(bool disposing)
    {
        if (!disposing || Interlocked.Exchange(ref _isDisposed, 1) == 1) return;
        _disposed.Cancel();
        Leave();
    }

    private async Task AnswerAsync(PageOrder order, IPageReceiver receiver)
    {
        try
        {
            using CancellationTokenSource unwanted = CancellationTokenSource.CreateLinkedTokenSource(order.Cancel, _disposed.Token);
            if (order.Pages == 1) await ReadAsync(order, receiver, order.FirstPage, unwanted.Token);
            else await ReadAllAsync(order, receiver, unwanted.Token);
        }
        catch (Exception) when (_disposed.IsCancellationRequested)
        {
            receiver.Failed(order.Id, new ObjectDisposedException(GetType().Name, "The page source has been disposed of."));
        }
        catch (Exception e)
        {
            receiver.Failed(order.Id, e);
        }
        finally
        {
            Leave();
        }
    }

    // The first failure is the order's: it cancels the other reads, which is no failure of theirs.
    private async Task ReadAllAsync(PageOrder order, IPageReceiver receiver, CancellationToken cancel)
    {
        Exception? failure = null;
        ParallelOptions options = new() { MaxDegreeOfParallelism = _readsOfOrder, CancellationToken = cancel };
        try
        {
            await Parallel.ForAsync(order.FirstPage, order.FirstPage + order.Pages, options, async (page, c) =>
            {
                try
                {
                    await ReadAsync(order, receiver, page, c);
                }
                catch (Exception e)
                {
                    _ = Interlocked.CompareExchange(ref failure, e, null);
                    throw;
                }
            });
        }
        catch (Exception) when (failure is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        }
    }

    // The order's own buffer stays as long as somebody may answer; but code of others gets one of ours, which it may use for too long
    // without harm to the process.
    private async ValueTask ReadAsync(PageOrder order, IPageReceiver receiver, long page, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        byte[] bytes = ArrayPool<byte>.Shared.Rent(PageSize.Base);
        try
        {
            SourceContent content = await ReadAsync(order.Region, page, bytes.AsMemory(0, PageSize.Base), cancel);
            nint address = 0;
            if (content == SourceContent.Bytes)
            {
                bytes.AsSpan(0, PageSize.Base).CopyTo(order.Room(page, 1));
                address = order.Buffer + (nint)((page - order.FirstPage) << PageSize.BaseShift);
            }

            receiver.Received(order.Id, page, 1, content, address);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    private void Leave()
    {
        if (Interlocked.Decrement(ref _open) == 0) _ = _quiet.TrySetResult();
    }
}
