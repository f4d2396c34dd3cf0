namespace UffdActors.Model;

/// <summary>Sees hooks of modules that are called in a turn and do not return. Any thread.</summary>
internal interface IHookWatch
{
    /// <summary>A hook is called.</summary>
    /// <param name="hook">What is called, for reports.</param>
    /// <returns>What its end is told with; negative if it is not watched.</returns>
    int Begin(string hook);

    /// <summary>It has returned, or thrown.</summary>
    void End(int call);
}
