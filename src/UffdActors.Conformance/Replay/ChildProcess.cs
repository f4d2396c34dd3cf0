using UffdActors.Model.Mapping;

namespace UffdActors.Conformance.Replay;

/// <summary>A child of the program's process, and the text of its VMA list as it was last shown.</summary>
internal sealed class ChildProcess(AddressSpace mm)
{
    /// <summary>Its address space.</summary>
    public AddressSpace Mm { get; } = mm;

    /// <summary>Its VMA list.</summary>
    public TextBuffer Text { get; } = new();
}
