namespace UffdActors.Hosting;

/// <summary>What of the incidents of a VM is still going on.</summary>
internal sealed class VmTrouble
{
    private volatile string? _lost;
    private volatile string? _outage;

    /// <summary>The trouble in the words of its incident; null for none. Any thread.</summary>
    public string? Message => _lost ?? _outage;

    /// <summary>Takes an incident into account. Any thread.</summary>
    public void Note(Incident incident)
    {
        switch (incident.Kind)
        {
            // These do not go away by themselves.
            case IncidentKind.PageLost or IncidentKind.OwnerGone or IncidentKind.FillRefused or IncidentKind.WatchdogLost
                or IncidentKind.DescriptorLeftOpen or IncidentKind.GuestNotStopped or IncidentKind.UnknownAddress:
                _lost ??= incident.Message;
                break;
            case IncidentKind.SourceFailed or IncidentKind.PatienceOver or IncidentKind.FillDelayed or IncidentKind.BlockingCall
                or IncidentKind.PageQuarantined or IncidentKind.EventNotRead:
                _outage = incident.Message;
                break;
            case IncidentKind.OutageEnded:
                _outage = null;
                break;
        }
    }
}
