namespace UffdActors.Serve;

/// <summary>What becomes of a guest whose session cannot go on. It never reads zeros for pages that it has not got.</summary>
public enum FailurePolicy
{
    /// <summary>Its threads sleep on when they touch what is absent, and that is reported.</summary>
    Freeze,

    /// <summary>Its VMM is killed.</summary>
    Kill,
}
