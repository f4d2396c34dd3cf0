namespace UffdActors.Model.Mapping;

/// <summary>Identity of the anonymous pages that mappings may share through splits and moves.</summary>
/// <param name="ofForkChild">True if fork copied it from the parent's: then its mapping merges with no other.</param>
internal sealed class AnonVma(bool ofForkChild = false)
{
    public bool OfForkChild { get; } = ofForkChild;
}
