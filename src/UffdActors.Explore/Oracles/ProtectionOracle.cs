using UffdActors.Explore.Scenarios;
using UffdActors.Model.Mapping;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;

namespace UffdActors.Explore.Oracles;

/// <summary>The content of a page does not change while it is write-protected (RING R8).</summary>
internal sealed class ProtectionOracle(RunRecord record) : Oracle(record)
{
    private readonly ulong?[] _content = new ulong?[record.Entries.Length];
    private readonly uint[] _folio = new uint[record.Entries.Length];

    /// <inheritdoc />
    public override void Finished(int thread, ThreadAction action, Operation operation, int start, int end)
    {
        if (action.Kind != ActionKind.Protect || operation is not WriteProtect { Error: Errno.None }) return;
        for (int i = 0; i < action.Count; i++)
        {
            int index = Host.Content.IndexOf(action.Region, action.Page + i);
            Entry entry = Scene.EntryOf(index);
            if (!entry.IsPresent || !entry.IsWp) continue;
            _content[index] = Scene.ContentOf(entry, 0);
            _folio[index] = entry.Folio;
        }
    }

    /// <inheritdoc />
    public override void AfterStep(int step, bool hasChanged)
    {
        for (int i = 0; i < _content.Length; i++)
        {
            if (_content[i] is not { } content) continue;
            Entry entry = Record.Entries[i];
            // A mapping registered again without WP is not protected, though the entry still has the bit.
            if (Scene.VmaOf(i) is not { HasWp: true }) _content[i] = null;
            // Through an alias a handler also writes a page that is protected elsewhere, if a thread has mapped it before.
            if (!entry.IsWp || entry.Folio != _folio[i] || (Origins.IsUnsure(i) && Origins.IsAliased(i)))
                _content[i] = null;
            else if (Scene.ContentOf(entry, 0) != content)
                Fail("protected", $"{Scene.NameOf(i)} changed although it was write-protected", step);
        }
    }
}
