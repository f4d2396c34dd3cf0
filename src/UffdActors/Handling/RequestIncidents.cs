using UffdActors.Failures;
using UffdActors.Model.Inputs;
using UffdActors.Model.Memory;

namespace UffdActors.Handling;

/// <summary>What is reported of a request that cannot be resolved now: one sentence with the page, the call, and the remedy.</summary>
internal static class RequestIncidents
{
    /// <summary>No retry can mend it.</summary>
    public static Incident Refused(PageRequest request, Errno error) => new(
        IncidentKind.FillRefused,
        $"{CallOf(request.Fill.Kind)} of page {request.Page} of region {request.Region.Id} (0x{request.Address:x}) was refused with "
            + $"{error}{Likely(request, error)}; its threads wait until it is recovered or abandoned.");

    /// <summary>The same of clearing write protection.</summary>
    public static Incident NotCleared(PageRequest request, Errno error) => new(
        IncidentKind.FillRefused,
        $"Clearing the write protection of the page at 0x{request.Address:x} failed with {error}{Denied(error, DeniedCall.Why)}; its "
            + $"threads wait until it is recovered or abandoned.");

    /// <summary>An event stays unread for unusually long.</summary>
    public static Incident Delayed(PageRequest request) => new(
        IncidentKind.FillDelayed,
        $"The page at 0x{request.Address:x} could not be filled in {request.Attempts} attempts ({request.Error}); it is tried again.");

    /// <summary>The source will never have the page.</summary>
    public static Incident Lost(PageRequest request, Exception failure) => new(
        IncidentKind.PageLost,
        $"The page at 0x{request.Address:x} is lost ({ForeignText.Of(failure)}); its threads wait until it is recovered or abandoned.",
        failure);

    /// <summary>The embedder's hook for writes has thrown (RING F19).</summary>
    /// <param name="request">The request of the page.</param>
    /// <param name="thrown">What it threw.</param>
    /// <param name="what">What becomes of the page; the end of the sentence.</param>
    public static Incident HookFailed(PageRequest request, Exception thrown, string what) => new(
        IncidentKind.HookFailed,
        $"The BeforeWrite hook threw for page {request.Page} of region {request.Region.Id} ({ForeignText.Of(thrown)}); {what}", thrown);

    /// <summary>What an outage of fills is about; part of a sentence.</summary>
    public static string Fruitless(PageRequest request, Errno error) =>
        $"{CallOf(request.Fill.Kind)} of the page at 0x{request.Address:x} gives {error}{Likely(request, error)}";

    /// <summary>What denies a call, if its errno says that one does; follows the errno in a sentence.</summary>
    /// <param name="error">The errno.</param>
    /// <param name="denier">What denies it.</param>
    public static string Denied(Errno error, string denier) => DeniedCall.Is(error) ? $" ({denier})" : "";

    /// <summary>A fill by the name of its ioctl.</summary>
    public static string CallOf(FillKind kind) => $"UFFDIO_{kind.ToString().ToUpperInvariant()}";

    // What the errno does not say of itself.
    private static string Likely(PageRequest request, Errno error) => error switch
    {
        Errno.EEXIST or Errno.ENOMEM when request.Pages > 1 => " again and again (the pool of huge pages may be empty)",
        Errno.EFAULT when request.Fill.Kind == FillKind.Copy =>
            $" again and again (the page source may have named memory that cannot be read, at 0x{request.Data:x})",
        _ => Denied(error, request.Fill.Denier),
    };
}
