namespace UffdActors.Recorder.Execution;

/// <summary>A line that waits for its answer.</summary>
internal sealed class Exchange
{
    public bool IsOver { get; set; }

    public string? Hang { get; set; }

    public bool WasStopped { get; set; }

    public bool IsStopped { get; set; }
}
