using UffdActors.Handling;

namespace UffdActors.Actors;

/// <summary>
/// Writes to protected pages: what follows when the call that clears the protection has ended, which has asked the embedder's hook first
/// (<see cref="PageRequest.BeforeWrite"/>, RING F19).
/// </summary>
/// <param name="vm">What the actors of the VM share.</param>
/// <param name="reader">The reader whose faults they are.</param>
/// <param name="unfilled">Where requests go that are not resolved now.</param>
internal sealed class ProtectedWrites(VmContext vm, FaultReader reader, UnfilledRequests unfilled)
{
    /// <summary>The state of a request whose protection is being cleared: that has ended.</summary>
    public void Clearing(PageRequest request, Errno error)
    {
        switch (error)
        {
            case Errno.None:
                OnCleared(request);
                unfilled.Dismiss(request);
                break;
            // Where nothing is registered any more, its threads find out for themselves.
            case Errno.ENOENT:
                unfilled.Dismiss(request);
                break;
            case Errno.ESRCH:
                unfilled.OwnerGone(request);
                break;
            // The hook may be the first to find out that the memory is gone, and may have thrown for another reason.
            case Errno.EIO when reader.Owner.Look():
                if (request.Failure is { } late)
                    vm.Incidents.Report(RequestIncidents.HookFailed(request, late, "the memory is gone with its process."));
                unfilled.OwnerGone(request);
                break;
            case Errno.EAGAIN:
                unfilled.Defer(request);
                break;
            case Errno.EIO when request.Failure is { } thrown:
                unfilled.Pause(
                    request,
                    RequestIncidents.HookFailed(
                        request, thrown, "the page stays protected and its writers wait until it is recovered or abandoned."));
                break;
            default:
                unfilled.Pause(request, RequestIncidents.NotCleared(request, error));
                break;
        }
    }

    /// <summary>The same of a call of before a crash: its request has been given up.</summary>
    public void ClearedTooLate(PageRequest request, Errno error)
    {
        if (error == Errno.None) OnCleared(request);
        else if (request.Failure is { } thrown)
            vm.Incidents.Report(
                RequestIncidents.HookFailed(request, thrown, "the page stays protected, and the hook is called again."));
    }

    private void OnCleared(PageRequest request)
    {
        if (request.Failure is { } thrown)
            vm.Incidents.Report(RequestIncidents.HookFailed(request, thrown, "the page was given to its writer all the same."));
        request.Region.Pages.Write(request.Page, request.Pages);
    }
}
