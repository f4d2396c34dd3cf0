namespace UffdActors;

/// <summary>Access patterns that are made, not recorded.</summary>
public enum WorkloadKind
{
    /// <summary>Page after page, each vCPU from its own start.</summary>
    Sequential,

    /// <summary>Any page with equal chance.</summary>
    Random,

    /// <summary>Few pages often, most pages seldom (Zipf, exponent 0.99); which ones is scattered over the memory.</summary>
    Zipf,

    /// <summary>Every 17th page, wrapping around: touches all of memory in an order that no read-ahead guesses.</summary>
    Stride,

    /// <summary>Nine accesses in ten go to a tenth of the memory.</summary>
    HotCold,
}
