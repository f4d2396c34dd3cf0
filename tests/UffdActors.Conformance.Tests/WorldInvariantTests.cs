using UffdActors.Abi;
using UffdActors.Conformance.Generation;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;
using UffdActors.Model;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Maps;

namespace UffdActors.Conformance.Tests;

/// <summary>The invariants notice a kernel that breaks them.</summary>
public class WorldInvariantTests
{
    private const ulong Area = 0x1000_0000_0000;

    private static readonly ProgramStep[] Registered =
    [
        new(ProgramOp.Mmap) { Address = Area, Length = 0x4000, Word = 3, Kind = "anon" },
        new(ProgramOp.Open) { Word = 0x80800 },
        new(ProgramOp.Api) { Magic = Uffd.ApiMagic },
        new(ProgramOp.Register) { Address = Area, Length = 0x4000, Word = 3 },
    ];

    private static readonly ProgramStep[] InSwap =
    [
        new(ProgramOp.Copy) { Address = Area, Other = ProgramGenerator.Header.Source, Length = 0x1000 },
        new(ProgramOp.Madvise) { Address = Area, Length = 0x1000, Kind = "PAGEOUT" },
        new(ProgramOp.Writeprotect) { Address = Area, Length = 0x1000, Word = 1 },
        new(ProgramOp.Copy) { Address = Area, Other = ProgramGenerator.Header.Source, Length = 0x1000 },
    ];

    private static readonly KernelProfile WithSwap = KernelProfile.Linux618 with { Swap = true };

    [Fact]
    public void A_wake_that_gets_lost_breaks_6()
    {
        // The content arrives without a wake-up, and the wake-up does nothing.
        IReadOnlyList<Mismatch> broken = Check(
            new ForgetfulKernel(operation => operation is Model.Userfault.Wake),
            new ProgramStep(ProgramOp.Access) { Thread = 0, Address = Area, Kind = "read" },
            new ProgramStep(ProgramOp.Zeropage) { Address = Area, Length = 0x1000, Word = 1 },
            new ProgramStep(ProgramOp.Wake) { Address = Area, Length = 0x1000 });
        Assert.Equal("invariant 6", Assert.Single(broken).Field);
    }

    [Fact]
    public void A_registration_that_goes_without_its_write_protection_breaks_9()
    {
        // UNREGISTER does nothing.
        IReadOnlyList<Mismatch> broken = Check(
            new ForgetfulKernel(operation => operation is Model.Userfault.Unregister),
            new ProgramStep(ProgramOp.Access) { Thread = 0, Address = Area, Kind = "read" },
            new ProgramStep(ProgramOp.Zeropage) { Address = Area, Length = 0x1000 },
            new ProgramStep(ProgramOp.Writeprotect) { Address = Area, Length = 0x1000, Word = 1 },
            new ProgramStep(ProgramOp.Unregister) { Address = Area, Length = 0x4000 });
        Assert.Equal("invariant 9", Assert.Single(broken).Field);
    }

    [Fact]
    public void The_same_programs_on_a_sound_kernel_break_nothing() => Assert.Empty(Check(
        new SequentialKernel(),
        new ProgramStep(ProgramOp.Access) { Thread = 0, Address = Area, Kind = "read" },
        new ProgramStep(ProgramOp.Zeropage) { Address = Area, Length = 0x1000, Word = 1 },
        new ProgramStep(ProgramOp.Wake) { Address = Area, Length = 0x1000 },
        new ProgramStep(ProgramOp.Writeprotect) { Address = Area, Length = 0x1000, Word = 1 },
        new ProgramStep(ProgramOp.Unregister) { Address = Area, Length = 0x4000 }));

    [Fact]
    public void Pages_in_swap_look_like_swap_in_pagemap_and_break_nothing()
    {
        using ModelWorld world = new(ProgramGenerator.Header, WithSwap, _ => new SequentialKernel());
        WorldInvariants invariants = new();
        Differ differ = new("program");
        List<int> states = [];
        foreach (ProgramStep step in Registered.Concat(InSwap).Append(new ProgramStep(ProgramOp.Unregister) { Address = Area, Length = 0x4000 }))
        {
            _ = world.Execute(step);
            invariants.Check(step, world, differ);
            states.Add(world.PageStateAt(Area));
        }

        // Filled, swapped out, protected, then the fill that fails, and unregistered.
        Assert.Equal([8, 4, 5, 5, 4], states[Registered.Length..]);
        Assert.Empty(differ.Mismatches);
    }

    [Fact]
    public void A_fill_over_a_page_in_swap_breaks_1()
    {
        IReadOnlyList<Mismatch> broken = Check(new DroppingKernel(), [.. InSwap]);
        Assert.Equal("invariant 1", Assert.Single(broken).Field);
    }

    private static IReadOnlyList<Mismatch> Check(IKernel kernel, params ProgramStep[] steps)
    {
        using ModelWorld world = new(ProgramGenerator.Header, WithSwap, _ => kernel);
        WorldInvariants invariants = new();
        Differ differ = new("program");
        foreach (ProgramStep step in Registered.Concat(steps))
        {
            _ = world.Execute(step);
            invariants.Check(step, world, differ);
        }

        return differ.Mismatches;
    }

    /// <summary>A kernel in which some calls never do their work.</summary>
    private sealed class ForgetfulKernel(Func<Operation, bool> forgets) : IKernel
    {
        private readonly SequentialKernel _kernel = new();

        public event Action<Operation>? Finished
        {
            add => _kernel.Finished += value;
            remove => _kernel.Finished -= value;
        }

        public T Attach<T>(T owner)
            where T : Owner => _kernel.Attach(owner);

        public void Submit(Operation operation)
        {
            if (!forgets(operation)) _kernel.Submit(operation);
        }

        public void Run() => _kernel.Run();
    }

    /// <summary>A kernel that drops a page behind the program's back just before it is filled for the second time.</summary>
    private sealed class DroppingKernel : IKernel
    {
        private readonly SequentialKernel _kernel = new();
        private int _fills;

        public event Action<Operation>? Finished
        {
            add => _kernel.Finished += value;
            remove => _kernel.Finished -= value;
        }

        public T Attach<T>(T owner)
            where T : Owner => _kernel.Attach(owner);

        public void Submit(Operation operation)
        {
            if (operation is Fill && ++_fills == 2) _ = _kernel.Run(new AdviseMemory(operation.Caller, Area, 0x1000, Advice.DontNeed));
            _kernel.Submit(operation);
        }

        public void Run() => _kernel.Run();
    }
}
