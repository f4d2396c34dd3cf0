using UffdActors.Abi;
using UffdActors.Actors;
using UffdActors.Dispatch.Stepping;
using UffdActors.Model;
using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Files;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Tests.Rules;

/// <summary>
/// The operation is the message: the sequential kernel and the actors run the same stages, at the same owners, in the same
/// order, for the same program; so what one of them is proven to do, the other does.
/// </summary>
public sealed class SameStagesTests
{
    private const ulong Base = 0x1000_0000_0000;

    [Fact]
    public void Sequential_kernel_and_actors_run_the_same_stages_at_the_same_owners()
    {
        List<string> sequential = Run(new SequentialKernel());
        using SteppedSystem system = new();
        using Machine unused = new(KernelProfile.Linux618, ContentKind.Runs, 1);
        using SteppedKernel kernel = new(system, unused, new PriorityPolicy());
        List<string> actors = Run(kernel);

        Assert.True(sequential.Count > 100, $"the program has only {sequential.Count} stages");
        Assert.Equal(sequential, actors);
    }

    private static List<string> Run(IKernel kernel)
    {
        List<string> log = [];
        using Machine machine = new(KernelProfile.Linux618, ContentKind.Runs, 256);
        T Attach<T>(T owner)
            where T : Owner
        {
            _ = kernel.Attach(owner);
            owner.Attach(new LoggingPort(owner.Port, log));
            return owner;
        }

        T Do<T>(T operation)
            where T : Operation
        {
            // Not by Submit, which is past the caller's port in one of the two.
            operation.Origin.Port.Send(operation);
            kernel.Run();
            return operation;
        }

        using AddressSpace mm = Attach(new AddressSpace(machine));
        Caller main = Attach(new Caller(mm));
        Caller[] threads = [.. Enumerable.Range(1, 3).Select(i => Attach(new Caller(mm, i, i)))];
        using MemoryFile file = new Shmem().CreateFile(machine, 8 * PageSize.Base);
        ulong At(int page) => Base + ((ulong)page * PageSize.Base);
        void Map(int page, int pages, MemoryFile? backing) => Assert.Equal(
            Errno.None,
            Do(new MapMemory(
                main, At(page), (ulong)pages * PageSize.Base, new MapRequest(Prot.ReadWrite, backing, backing is not null))).Error);
        Fill Fill(UserfaultContext c, FillKind kind, int page, int pages = 1)
        {
            Fill fill = new(main);
            fill.Begin(c, kind, At(page), (ulong)pages * PageSize.Base, kind == FillKind.Copy ? FillSource.Stamp(7) : FillSource.Zero);
            return Do(fill);
        }

        Access Touch(int thread, int page, AccessKind kind)
        {
            Access access = new(threads[thread]);
            access.Begin(At(page), kind, 9);
            return Do(access);
        }

        Map(0, 8, null);
        Map(16, 8, file);
        UserfaultContext context = Attach(new UserfaultContext(mm, UffdOpenFlags.NonBlock));
        UffdFeatures features = UffdFeatures.EventRemove | UffdFeatures.EventFork | UffdFeatures.EventRemap;
        Assert.Equal(Errno.None, Do(new Handshake(main, context, new UffdioApi { Api = Uffd.ApiMagic, Features = (ulong)features })).Error);
        RegisterModes both = RegisterModes.Missing | RegisterModes.WriteProtect;
        Assert.Equal(Errno.None, Do(new Register(main, context, At(0), 8 * PageSize.Base, (ulong)both)).Error);
        Assert.Equal(Errno.None, Do(new Register(main, context, At(16), 8 * PageSize.Base, (ulong)RegisterModes.Missing)).Error);

        // Faults that meet, a partial fill, a conflict, zeros, poison.
        _ = Touch(0, 1, AccessKind.Read);
        _ = Touch(1, 1, AccessKind.Write);
        _ = Do(new ReadMessages(main, context, 64 * UffdMsg.SizeInBytes));
        _ = Fill(context, FillKind.Copy, 1);
        _ = Fill(context, FillKind.Copy, 0, 4);
        _ = Fill(context, FillKind.ZeroPage, 4);
        _ = Fill(context, FillKind.Poison, 5);
        _ = Touch(2, 5, AccessKind.Read);
        _ = Touch(0, 17, AccessKind.Write);
        _ = Fill(context, FillKind.Copy, 16, 3);

        // Protection, an event, a move, the map.
        _ = Do(new WriteProtect(main, context, At(0), 2 * PageSize.Base, (ulong)WriteProtectModes.Protect));
        _ = Touch(2, 1, AccessKind.Write);
        _ = Do(new WriteProtect(main, context, At(0), 2 * PageSize.Base, (ulong)WriteProtectModes.Clear));
        AdviseMemory advise = Do(new AdviseMemory(threads[0], At(1), PageSize.Base, Advice.DontNeed));
        Assert.False(advise.IsFinished);
        _ = Fill(context, FillKind.Copy, 6);
        _ = Do(new ReadMessages(main, context, 64 * UffdMsg.SizeInBytes));
        Assert.True(advise.IsFinished);
        Map(32, 4, null);
        _ = Touch(0, 32, AccessKind.Write);
        _ = Do(new Move(main, context, At(7), At(32), PageSize.Base, 0));
        _ = Do(new PunchHole(main, file, 0, 2 * PageSize.Base));
        _ = Do(new Unregister(main, context, At(2), 2 * PageSize.Base));
        _ = Do(new UnmapMemory(main, At(3), PageSize.Base));
        _ = Touch(1, 6, AccessKind.Read);
        _ = Do(new CloseHandle(main, context));
        return log;
    }

    /// <summary>Notes every stage that is to be run: which operation, of whom, at whom.</summary>
    private sealed class LoggingPort(Port inner, List<string> log) : Port
    {
        public override bool SplitsTurns => inner.SplitsTurns;

        public override void Send(Operation operation)
        {
            log.Add($"{operation.GetType().Name} of {operation.Origin} at {operation.At}");
            inner.Send(operation);
        }

        public override Port Spawn(Owner child) => new LoggingPort(inner.Spawn(child), log);
    }
}
