namespace UffdActors.Explore.Runs;

/// <summary>Watches a run step by step.</summary>
internal interface IRunObserver
{
    /// <summary>A message has been handled.</summary>
    /// <param name="step">Number of the step, from 1.</param>
    /// <param name="actor">Actor that handled it; "time" if virtual time has passed.</param>
    /// <param name="message">The message; the same object on every hop of the ring. Null for housekeeping and time.</param>
    /// <param name="text">The message in words.</param>
    /// <param name="changes">What has changed of the pages, in words; empty if nothing.</param>
    void Stepped(int step, string actor, object? message, string text, string changes);
}
