using UffdActors.Abi;
using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Tests.Rules;

/// <summary>
/// RING R4, the half that only real threads would need: between raising the epoch and queueing its event, the producer passes through every
/// VMA, so that no fill which was decided before is still installing when the event can be read.
/// </summary>
public sealed class EventFenceTests
{
    private const ulong Base = 0x1000_0000_0000;
    private const ulong Far = 0x1000_4000_0000;

    [Fact]
    public void An_event_is_queued_only_after_its_producer_has_been_in_every_vma()
    {
        List<Owner> turns = [];
        SequentialKernel kernel = new();
        using Machine machine = new(KernelProfile.Linux618, ContentKind.Runs, 64);
        T Attach<T>(T owner)
            where T : Owner
        {
            _ = kernel.Attach(owner);
            owner.Attach(new WatchedPort(owner.Port, turns));
            return owner;
        }

        T Do<T>(T operation)
            where T : Operation
        {
            operation.Origin.Port.Send(operation);
            kernel.Run();
            return operation;
        }

        using AddressSpace mm = Attach(new AddressSpace(machine));
        Caller main = Attach(new Caller(mm));
        UserfaultContext context = Attach(new UserfaultContext(mm, UffdOpenFlags.NonBlock));
        foreach (ulong address in new[] { Base, Far })
            Assert.Equal(Errno.None, Do(new MapMemory(main, address, 4 * PageSize.Base, new MapRequest(Prot.ReadWrite))).Error);
        _ = Do(new Handshake(main, context, new UffdioApi { Api = Uffd.ApiMagic, Features = (ulong)UffdFeatures.EventRemove }));
        foreach (ulong address in new[] { Base, Far })
            Assert.Equal(Errno.None, Do(new Register(main, context, address, 4 * PageSize.Base, (ulong)RegisterModes.Missing)).Error);
        turns.Clear();

        _ = Do(new AdviseMemory(main, Base, PageSize.Base, Advice.DontNeed));

        Assert.Equal(1, context.UnreadEvents);
        List<Owner> before = turns[..turns.IndexOf(context)];
        Assert.All(mm.Map.Vmas.ToArray(), vma => Assert.Contains(vma.Owner, before));
    }

    /// <summary>Notes who has the next turn.</summary>
    private sealed class WatchedPort(Port inner, List<Owner> turns) : Port
    {
        public override void Send(Operation operation)
        {
            turns.Add(operation.At);
            inner.Send(operation);
        }

        public override Port Spawn(Owner child) => new WatchedPort(inner.Spawn(child), turns);
    }
}
