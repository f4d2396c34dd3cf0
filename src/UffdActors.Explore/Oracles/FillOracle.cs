using UffdActors.Abi;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Userfaultfd;

namespace UffdActors.Explore.Oracles;

/// <summary>
/// What holds in the turn in which a fill maps a page: no event of its context is unread (RING R4; SEMANTICS 9.3.10), the page is mapped
/// write-protected where it has to be, and it is in a mapping.
/// </summary>
internal sealed class FillOracle(RunRecord record) : Oracle(record)
{
    private readonly int[] _unread = new int[record.Scene.Contexts.Length];

    // Pages that were open to writers when they were last in the mapping, or whose mark a call has cleared; by the page whose history they
    // continue.
    private readonly bool[] _wasOpen = new bool[record.Entries.Length];

    /// <inheritdoc />
    public override void Begin()
    {
        for (int i = 0; i < _wasOpen.Length; i++) Note(i, Record.Entries[i]);
    }

    /// <inheritdoc />
    public override void BeforeStep()
    {
        for (int i = 0; i < _unread.Length; i++) _unread[i] = Scene.Contexts[i].UnreadEvents;
    }

    /// <inheritdoc />
    public override void OnPage(int index, Entry before, Entry now, int step)
    {
        // A poisoned page is none, and keeps no protection.
        bool hasLeftOpen = before.Kind is EntryKind.None or EntryKind.Poison
            && _wasOpen[Origins.IdentityOf(index)];
        Note(index, now);
        if (now.Kind == EntryKind.None && Host.Order.Message is WriteProtect) _wasOpen[Origins.IdentityOf(index)] = true;
        if (before.IsPresent || !now.IsPresent || Host.Order.Message is not Fill fill) return;
        int context = Array.IndexOf(Scene.Contexts, fill.Context);
        if (context >= 0 && _unread[context] > 0 && fill.Context.UnreadEvents > 0)
            Fail("no-fill-while-changing",
                $"{fill.Kind} filled {Scene.NameOf(index)} while an event of {Scenario.Contexts[context].Name} was unread", step);
        if ((fill.Modes & FillModes.WriteProtect) != 0 && !now.IsWp)
            Fail("protected-install",
                $"{fill.Kind} was to install {Scene.NameOf(index)} write-protected, and has left it open to writers", step);
        // A fill by a handler or a push must not end protection: a later write would not be noticed. What had none comes back without it.
        bool mayBeOpen = fill.Kind == FillKind.Poison || (fill.Kind == FillKind.Continue && hasLeftOpen);
        if (fill is IPageFill && !mayBeOpen && context >= 0 && !now.IsWp
            && Scene.Service.Readers[context]?.View.Find(Scene.PageOf(index)) is { IsProtected: true })
            Fail("fill-keeps-protection",
                $"{fill.Kind} has filled {Scene.NameOf(index)}, which is registered for write protection, and has left it open to writers",
                step);
        if (Scene.VmaOf(index) is null)
            Fail("mapped", $"{fill.Kind} filled {Scene.NameOf(index)}, where nothing is mapped", step);
    }

    private void Note(int index, Entry entry)
    {
        if (entry.IsPresent) _wasOpen[Origins.IdentityOf(index)] = !entry.IsWp;
        else if (entry.Kind == EntryKind.WpMarker) _wasOpen[Origins.IdentityOf(index)] = false;
    }
}
