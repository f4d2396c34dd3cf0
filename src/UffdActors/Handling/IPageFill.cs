using UffdActors.Abi;
using UffdActors.Failures;
using UffdActors.Model.Memory;

namespace UffdActors.Handling;

/// <summary>A call that fills pages. Reusable.</summary>
internal interface IPageFill : IMonitorCall
{
    /// <summary>Which call.</summary>
    FillKind Kind { get; }

    /// <summary>First address to fill.</summary>
    ulong Start { get; }

    /// <summary>Bytes to fill.</summary>
    ulong Length { get; }

    /// <summary>The signed out field: bytes done, or a negative errno; null if the kernel did not write it.</summary>
    long? Out { get; }

    /// <summary>
    /// What the fill that is aimed next was decided on (RING R9): it gives EAGAIN if an event has come since. Nothing to do where reading
    /// and filling happen on one thread.
    /// </summary>
    /// <param name="epoch">Change epoch.</param>
    /// <param name="hasLeftOpen">
    /// The page is mapped without protection because it had left so (<see cref="MonitorThread.HasLeftOpen"/>): EAGAIN too if it has been
    /// protected since.
    /// </param>
    void DecideOn(long epoch, bool hasLeftOpen)
    {
    }

    /// <summary>
    /// Where an errno comes from that the kernel's own fills do not give (<see cref="DeniedCall.Is"/>); part of a sentence.
    /// </summary>
    string Denier => DeniedCall.Why;

    /// <summary>Aims the fill; to be followed by <see cref="IMonitorCall.Advance"/>.</summary>
    void Begin(FillKind kind, ulong start, ulong length, FillSource source, FillModes modes);
}
