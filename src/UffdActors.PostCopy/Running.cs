namespace UffdActors.PostCopy;

/// <summary>A migration under way.</summary>
internal sealed class Running(
    UffdVm vm, Userfault uffd, VcpuGroup vcpus, BackgroundPush? push, long pages, long start, EndingIncident ending,
    bool isStepped)
{
    private volatile PostCopyPhase _phase;

    /// <summary>The incident after which it cannot go on; null if there was none.</summary>
    public Incident? EndedBy => ending.Incident;

    /// <summary>Cancelled by it.</summary>
    public CancellationToken Ended => ending.Token;

    public UffdVm Vm => vm;

    public Userfault Userfault => uffd;

    /// <summary>True if its clock is that of the stepped dispatcher.</summary>
    public bool IsStepped => isStepped;

    /// <summary>When the first vCPU began, by the VM's clock.</summary>
    public long Start => start;

    public VcpuGroup Vcpus => vcpus;

    public BackgroundPush? Push => push;

    public PostCopyPhase Phase
    {
        get => _phase;
        set => _phase = value;
    }

    public PostCopySnapshot Snapshot() => new(
        Phase, TimeSpan.FromTicks((vm.Now - start) / TimeSpan.NanosecondsPerTick),
        push?.ReceivedPages ?? uffd.ReceivedOf(vm.Regions[0]).Count, pages, vcpus.Accesses, uffd.Faults, uffd.Outstanding);

    /// <summary>What is outstanding, in a sentence.</summary>
    public string Describe()
    {
        PostCopySnapshot now = Snapshot();
        string outstanding = string.Join(", ", uffd.OutstandingPages().Take(4).Select(Describe));
        return $"{now.ReceivedPages} of {now.Pages} pages received, {now.Accesses} accesses done, {now.Outstanding} pages "
            + $"outstanding{(outstanding.Length > 0 ? ": " + outstanding : "")}";
    }

    private static string Describe(OutstandingPage page) => $"0x{page.Address:x} ({page.Phase}, attempt {page.Attempts})";
}
