using UffdActors.PostCopy;

namespace UffdActors.Kvm.Programs;

/// <summary>What a guest's memory holds before its first instruction: the boot area, and an image behind it. Safe for any thread.</summary>
/// <param name="boot">Boot area, whole pages.</param>
/// <param name="image">The pages that the guest works on; stays the caller's.</param>
internal sealed class GuestContent(byte[] boot, GuestImage image)
{
    private readonly long _bootPages = boot.Length >> GuestPlan.PageShift;

    /// <summary>Pages in all.</summary>
    public long Pages => _bootPages + image.Pages;

    /// <summary>True if a page holds zeros only.</summary>
    public bool IsZero(long page) =>
        page < _bootPages ? !BootPage(page).ContainsAnyExcept((byte)0) : image.IsZero(page - _bootPages);

    /// <summary>Copies a page out.</summary>
    public void Read(long page, Span<byte> destination)
    {
        if (page < _bootPages) BootPage(page).CopyTo(destination);
        else image.ReadPage(page - _bootPages, destination);
    }

    private ReadOnlySpan<byte> BootPage(long page) =>
        boot.AsSpan((int)(page << GuestPlan.PageShift), 1 << GuestPlan.PageShift);
}
