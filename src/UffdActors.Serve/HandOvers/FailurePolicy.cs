namespace UffdActors.Serve;

/// <summary>What becomes of a guest whose session cannot go on. It never reads zeros for absent pages.</summary>
public enum FailurePolicy
{
    /// <summary>Its threads sleep on when they touch what is absent, and that is reported.</summary>
    Freeze,

    /// <summary>Its VMM is killed.</summary>
    Kill,
}
