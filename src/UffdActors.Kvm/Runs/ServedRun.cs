namespace UffdActors.Kvm.Runs;

/// <summary>A guest whose memory is served, for those who look on. Safe for any thread.</summary>
/// <param name="vm">Machine of its memory.</param>
/// <param name="memory">Its memory.</param>
/// <param name="userfault">What it is served by.</param>
/// <param name="push">What is fetched beside demand; null for nothing.</param>
/// <param name="start">When its vCPUs began, on the VM's clock.</param>
internal sealed class ServedRun(UffdVm vm, GuestRegion memory, Userfault userfault, BackgroundPush? push, long start)
{
    private volatile bool _isOver;

    /// <summary>Machine of its memory.</summary>
    public UffdVm Vm => vm;

    /// <summary>Its memory.</summary>
    public GuestRegion Memory => memory;

    /// <summary>What it is served by.</summary>
    public Userfault Userfault => userfault;

    /// <summary>What is fetched beside demand; null for nothing.</summary>
    public BackgroundPush? Push => push;

    /// <summary>When its vCPUs began, on the VM's clock, in nanoseconds.</summary>
    public long Start => start;

    /// <summary>True once all vCPUs have ended.</summary>
    public bool IsOver => _isOver;

    /// <summary>All vCPUs have ended.</summary>
    public void End() => _isOver = true;
}
