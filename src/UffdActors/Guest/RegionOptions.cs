using UffdActors.Model.Memory;

namespace UffdActors;

/// <summary>What a region of guest memory is made of.</summary>
public sealed record RegionOptions
{
    /// <summary>Size in base pages, at least one: whole pages of the module's page size.</summary>
    public required long Pages { get; init; }

    /// <summary>Name of the memory module; null for anonymous memory.</summary>
    public string? Module { get; init; }

    /// <summary>
    /// A second mapping of the same memory, which is never registered: content goes in through it where faults are resolved by
    /// CONTINUE. Its pages are allocated in full and mapped, unless <see cref="LeavesAliasEmpty"/> says otherwise. Not of anonymous memory,
    /// which nothing can map twice. As all pages are there then, MISSING alone raises no fault, and such a registration is not served.
    /// </summary>
    public bool WithAlias { get; init; }

    /// <summary>
    /// The page cache will hold all content before the guest runs: other code fills it. CONTINUE then maps what is there, and no source
    /// is asked for it. Without an alias this is what makes MINOR faults enough: a page that is not in the cache raises none, and would be
    /// read as zeros.
    /// </summary>
    public bool IsFilled { get; init; }

    /// <summary>
    /// Nothing is allocated in advance for an alias: a page comes into the cache with its content. Register such a region for MISSING and
    /// MINOR. With MINOR alone a page that is not in the cache raises no fault, and would be read as zeros.
    /// </summary>
    public bool LeavesAliasEmpty { get; init; }

    /// <summary>Every world refuses a part of a page alike, though a kernel may round it up.</summary>
    /// <exception cref="ArgumentException">It is not whole pages of this size.</exception>
    internal static void ThrowIfNotWhole(RegionOptions options, long pageBytes)
    {
        long unit = pageBytes >> PageSize.BaseShift;
        if (options.Pages % unit != 0)
            throw new ArgumentException(
                $"{options.Pages} base pages are not whole pages of {options.Module ?? "anonymous memory"}, which has {pageBytes} bytes a "
                    + $"page; use a multiple of {unit}.", nameof(options));
    }
}
