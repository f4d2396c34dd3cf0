namespace UffdActors.Bench;

/// <summary>What reads of a phantom guest must find.</summary>
internal sealed class StampCheck : IContentCheck
{
    public ulong? WordAt(int region, long page, int offset) => StampSource.StampOf(page);
}
