namespace UffdActors.Bench;

/// <summary>Expected values of a phantom guest's reads.</summary>
internal sealed class StampCheck : IContentCheck
{
    public ulong? WordAt(int region, long page, int offset) => StampSource.StampOf(page);
}
