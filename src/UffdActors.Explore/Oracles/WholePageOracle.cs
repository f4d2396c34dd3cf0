using System.Runtime.InteropServices;
using UffdActors.Explore.Scenarios;
using UffdActors.Explore.Scenes;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Explore.Oracles;

/// <summary>
/// At the end: threads write only the first eight bytes of a page, so the other bytes must be those of one fill.
/// </summary>
internal sealed class WholePageOracle(RunRecord record) : Oracle(record)
{
    /// <inheritdoc />
    public override void AtRest(int step, IReadOnlyList<AddressSpace> children)
    {
        Span<ulong> words = stackalloc ulong[PageSize.Base / sizeof(ulong)];
        for (int i = 0; i < Scene.PageCount; i++)
        {
            Entry entry = Record.Entries[i];
            if (Origins.IsUnsure(i) || entry.Kind is not (EntryKind.Anon or EntryKind.File)) continue;
            ulong tail = Host.Folios.ReadLane(entry.Folio, Scene.Layout.PageBytes - sizeof(ulong));
            for (int at = 0; at < Scene.Layout.PageBytes; at += PageSize.Base)
            {
                Host.Folios.CopyOut(entry.Folio, at, MemoryMarshal.AsBytes(words));
                if (at == 0) words[0] = tail;
                if (words.IndexOfAnyExcept(tail) is >= 0 and var other)
                    Fail("whole-pages",
                        $"{Scene.NameOf(i)} ends with {PageContent.Describe(tail)}, and holds {PageContent.Describe(words[other])} at byte "
                            + $"{at + (other * sizeof(ulong))}", step);
            }

            if (tail != 0 && tail != OfSource(Origins.IdentityOf(i)) && tail != OfSource(i) && !Scenario.Has(ActionKind.CopyFrom))
                Fail("whole-pages", $"{Scene.NameOf(i)} ends with {PageContent.Describe(tail)}", step);
        }
    }

    private ulong OfSource(int index) => Host.Content.OfSource(Scene.Places[index].Region, Scene.Places[index].Page);
}
