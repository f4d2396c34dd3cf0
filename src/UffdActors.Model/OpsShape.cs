namespace UffdActors.Model;

/// <summary>How memory plugs into userfaultfd in a kernel.</summary>
internal enum OpsShape
{
    /// <summary>
    /// Linux 6.18: core knows shmem and hugetlb by name; nothing else can be registered except for asynchronous write protection.
    /// </summary>
    BuiltIn,

    /// <summary>The table as proposed in June 2025: modes, ioctls, get-folio, copy.</summary>
    Seed,

    /// <summary>The folio-level table that was merged around 7.1.</summary>
    Merged,

    /// <summary>Design A, of April 2025; no kernel has it: CONTINUE through the backend's fault handler.</summary>
    FaultHandler,

    /// <summary>Design B, of June 2025; no kernel has it: one request hook.</summary>
    Request,

    /// <summary>Design D, of October 2025; no kernel has it: the table reduced to ioctls and a lookup.</summary>
    Reduced,
}
