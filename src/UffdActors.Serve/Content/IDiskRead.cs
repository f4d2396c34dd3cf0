namespace UffdActors.Serve.Content;

/// <summary>A read that may block for long. It reports success and failure to its order itself, and never throws.</summary>
internal interface IDiskRead
{
    /// <summary>Reads and answers, on a thread that may wait.</summary>
    void Run();
}
