using UffdActors.Explore.Faults;
using UffdActors.Explore.Scenes;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Userfault;

namespace UffdActors.Explore.Oracles;

/// <summary>
/// A write-protected page becomes writable only after the embedder's hook has been called for it and has returned.
/// </summary>
internal sealed class HookOracle(RunRecord record) : Oracle(record)
{
    private readonly bool _isWatched = record.Scenario.Faults.Contains(FaultPoint.HookThrow);

    /// <inheritdoc />
    public override void OnPage(int index, Entry before, Entry now, int step)
    {
        if (before.IsWp == now.IsWp || !_isWatched) return;
        PlainView? plain = Scene.Service.PlainOf((UserfaultContext?)Scene.VmaOf(index)?.Context);
        (int Region, int Page) place = plain?.At(Scene.PageOf(index)) is { } served
            ? (served.Region, (int)served.Page)
            : (Scene.Places[index].Region, Scene.BasePageOf(Scene.Places[index].Page));
        if (!Scene.Service.Hooked.Remove(place) && before.IsWp && Host.Order.Message is WriteProtect and IMonitorCall)
            Fail("hook-before-write",
                $"{Scene.NameOf(index)} was given to its writers, and the hook has not been called for it, or has thrown", step);
    }
}
