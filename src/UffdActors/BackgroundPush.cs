using UffdActors.Actors;

namespace UffdActors;

/// <summary>A background push under way.</summary>
public sealed class BackgroundPush
{
    private readonly PushProgress _progress;
    private readonly PageBitmap _received;
    private readonly UffdVm _vm;

    internal BackgroundPush(PushProgress progress, PageBitmap received, UffdVm vm)
    {
        _progress = progress;
        _received = received;
        _vm = vm;
    }

    /// <summary>Base pages of the region that are there, by push and by demand.</summary>
    public long ReceivedPages => _received.Count;

    /// <summary>Pages, of the region's own size, that the push has filled with content.</summary>
    public long Pages => _progress.Pages;

    /// <summary>Pages, of the region's own size, that the push has filled with zeros.</summary>
    public long ZeroPages => _progress.ZeroPages;

    /// <summary>Ends when every page of the region is there.</summary>
    /// <exception cref="InvalidOperationException">
    /// Pages that it had still to bring have been unmapped; every other page is there.
    /// </exception>
    /// <exception cref="VmFailedException">The VM has failed.</exception>
    /// <exception cref="UffdException">ESRCH: the process whose memory it is has ended, or executes another program; what had not been
    /// filled by then is not received. EINVAL: pages take no fill, for something else is mapped there than was registered (incident
    /// <see cref="IncidentKind.FillRefused"/>); every other page is there.</exception>
    public Task WaitAsync(CancellationToken cancel = default) => _vm.OrFailed(_progress.Finished.Task.WaitAsync(cancel));
}
