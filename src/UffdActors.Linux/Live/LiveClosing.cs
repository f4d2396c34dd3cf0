using UffdActors.Actors;
using UffdActors.Worlds;

namespace UffdActors.Linux.Live;

/// <summary>
/// Closes the userfaultfds of a VM: closing shows absent pages as zeros, so one whose guest may still run is left open, and its memory
/// mapped (<see cref="ClosingRule"/>). Any thread.
/// </summary>
/// <param name="vm">The VM.</param>
/// <param name="options">Whether a loss is taken, and whether the embedder stops the guest.</param>
/// <param name="memories">The guest's memory, which stays with what is left open.</param>
/// <param name="hasVcpus">Whether the VM has had vCPUs.</param>
internal sealed class LiveClosing(VmRoot vm, VmOptions options, LiveMemories memories, Func<bool> hasVcpus)
{
    private readonly List<LiveDescriptor> _left = [];
    private readonly HashSet<LiveDescriptor> _unreported = [];
    private readonly bool _lossIsTaken = options.AbsentPagesAtDisposal == AbsentPages.ReadAsZeros;
    private volatile bool _awaitsStop = options.StopGuest is not null;
    private volatile bool _guestIsStopped;

    /// <summary>True if something is left open: a thread may still run in the memory, or sleep in it.</summary>
    public bool HasLeft
    {
        get
        {
            lock (_left) return _left.Count > 0;
        }
    }

    /// <summary>The embedder's stop of the guest is over.</summary>
    /// <param name="isStopped">False if it has failed.</param>
    public void StopHasEnded(bool isStopped)
    {
        lock (_left)
        {
            _guestIsStopped = isStopped;
            _awaitsStop = false;
        }
    }

    /// <summary>The actor of a userfaultfd has ended: closes it, or leaves it open for the guest's sake.</summary>
    public void CloseOrLeave(LiveDescriptor descriptor)
    {
        ClosingRule rule;
        // The stop of the guest may end on another thread meanwhile: the rule is made before or after it, not across it.
        lock (_left)
        {
            rule = RuleOf(descriptor);
            if (rule.MayClose)
            {
                descriptor.Uffd.Dispose();
                return;
            }

            descriptor.KeepOpen();
            LeftOpen.Keep(memories);
            _left.Add(descriptor);
            // A VM that fails does not stop the guest; its disposal does, and the rule is made again then.
            if (_awaitsStop)
            {
                _ = _unreported.Add(descriptor);
                return;
            }
        }

        ReportLeft(descriptor, rule);
    }

    /// <summary>
    /// True if a userfaultfd would be closed for a reason now, and not left open. False while faults of it are unread, which may be those
    /// of threads that nobody has stopped.
    /// </summary>
    public bool WillClose(LiveDescriptor descriptor, ClosingReason reason)
    {
        lock (_left)
        {
            return (_guestIsStopped || descriptor.Uffd.ReadFdInfo().Pending == 0) && (RuleOf(descriptor) with { Reason = reason }).MayClose;
        }
    }

    /// <summary>The VM ends: closes what was left open, where no thread can be harmed by now.</summary>
    public void CloseRest()
    {
        lock (_left)
        {
            foreach (LiveDescriptor descriptor in _left.ToArray())
            {
                ClosingRule rule = RuleOf(descriptor);
                if (_lossIsTaken) rule = rule with { LossIsTaken = true };
                if (rule.MayClose)
                {
                    LeftOpen.LetGo(descriptor.Uffd);
                    descriptor.Uffd.Dispose();
                    _ = _left.Remove(descriptor);
                }
                else if (_unreported.Remove(descriptor))
                {
                    ReportLeft(descriptor, rule);
                }
            }

            if (_left.Count == 0) LeftOpen.LetGo(memories);
        }
    }

    private ClosingRule RuleOf(LiveDescriptor descriptor) => new(
        descriptor.Reason,
        // A process that has ended has no thread left that could see zeros.
        LossIsTaken: descriptor.Uffd.IsMemoryGone(),
        _guestIsStopped,
        GuestIsOurs: hasVcpus() && !descriptor.IsOfOtherProcess && !descriptor.HasMetOthers,
        descriptor.Absence,
        descriptor.Uffd.ReadFdInfo().Total);

    private void ReportLeft(LiveDescriptor descriptor, in ClosingRule rule)
    {
        Absence absence = rule.Absence;
        string regions = absence.Regions.Length == 0 ? "" : $" (regions {absence.Regions})";
        string absent = absence.IsUnknown
            ? "it was taken over and never served here, so what is absent is not known,"
            : $"{absence.Pages} pages are absent";
        vm.Context.Incidents.Report(new Incident(
            IncidentKind.DescriptorLeftOpen,
            $"Userfaultfd {descriptor.Uffd.Handle.Number} of {vm.Name}{regions} is left open and the guest's memory mapped until this "
                + $"process ends: {absent} and {rule.Waiters} threads wait, closing would show them zeros, and nobody has said that the "
                + $"guest has been stopped. Stop it in {nameof(VmOptions)}.{nameof(VmOptions.StopGuest)}, or take the loss by "
                + $"{nameof(AbsentPages)}.{nameof(AbsentPages.ReadAsZeros)}."));
    }
}
