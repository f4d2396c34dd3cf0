namespace UffdActors.Serve.Content;

/// <summary>A read that may take long. It answers by itself, well or not, and never throws.</summary>
internal interface IDiskRead
{
    /// <summary>Reads and answers, on a thread that may wait.</summary>
    void Run();
}
