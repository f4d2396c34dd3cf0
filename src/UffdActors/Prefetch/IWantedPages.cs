namespace UffdActors;

/// <summary>
/// The pages of a region that a background push may ask for next: mapped, neither there nor given back by the guest, and not on their way.
/// </summary>
public interface IWantedPages
{
    /// <summary>Base pages of the region.</summary>
    long Pages { get; }

    /// <summary>The first wanted page at or behind another; <see cref="Pages"/> if there is none.</summary>
    long Next(long page);

    /// <summary>The last wanted page at or before another; -1 if there is none.</summary>
    long Previous(long page);
}
