using System.Reflection;
using UffdActors.Abi;
using UffdActors.Conformance.Generation;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;
using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Conformance.Tests;

/// <summary>The invariants notice a kernel that breaks them.</summary>
public class KernelInvariantTests
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
            new ForgetfulKernel(operation => operation is Wake),
            new ProgramStep(ProgramOp.Access) { Thread = 0, Address = Area, Kind = "read" },
            new ProgramStep(ProgramOp.Zeropage) { Address = Area, Length = 0x1000, Word = 1 },
            new ProgramStep(ProgramOp.Wake) { Address = Area, Length = 0x1000 });
        Assert.Equal("invariant 6", Assert.Single(broken).Field);
    }

    [Fact]
    public void A_wake_of_many_pages_that_gets_lost_for_the_last_breaks_6()
    {
        IReadOnlyList<Mismatch> broken = Check(
            new ForgetfulKernel(operation => operation is Wake),
            Reader with { Address = Area + 0x3000 },
            Zero with { Length = 0x4000, Word = 1 },
            new ProgramStep(ProgramOp.Wake) { Address = Area, Length = 0x4000 });
        Assert.Equal("invariant 6", Assert.Single(broken).Field);
    }

    [Fact]
    public void A_registration_that_goes_without_its_write_protection_breaks_9()
    {
        // UNREGISTER does nothing.
        IReadOnlyList<Mismatch> broken = Check(
            new ForgetfulKernel(operation => operation is Unregister),
            new ProgramStep(ProgramOp.Access) { Thread = 0, Address = Area, Kind = "read" },
            new ProgramStep(ProgramOp.Zeropage) { Address = Area, Length = 0x1000 },
            new ProgramStep(ProgramOp.Writeprotect) { Address = Area, Length = 0x1000, Word = 1 },
            new ProgramStep(ProgramOp.Unregister) { Address = Area, Length = 0x4000 });
        Assert.Equal("invariant 9", Assert.Single(broken).Field);
    }

    /// <summary>So does one of a page that is not there: its marker.</summary>
    [Fact]
    public void A_registration_that_goes_without_its_markers_breaks_9()
    {
        const ulong Other = Area + 0x10000;
        ProgramStep[] steps =
        [
            new(ProgramOp.Mmap) { Address = Other, Length = 0x4000, Word = 3, Kind = "anon" },
            new(ProgramOp.Open) { Word = 0x80800 },
            new(ProgramOp.Api) { Handle = 1, Magic = Uffd.ApiMagic, Word = (ulong)UffdFeatures.WpUnpopulated },
            new(ProgramOp.Register) { Handle = 1, Address = Other, Length = 0x4000, Word = 3 },
            new(ProgramOp.Writeprotect) { Handle = 1, Address = Other, Length = 0x1000, Word = 1 },
            new(ProgramOp.Unregister) { Handle = 1, Address = Other, Length = 0x4000 },
        ];
        Assert.Empty(Check(new SequentialKernel(), steps));
        Assert.Equal("invariant 9", Assert.Single(Check(new ForgetfulKernel(operation => operation is Unregister), steps)).Field);
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
        using ModelExecutor model = new(ProgramGenerator.Header, WithSwap, _ => new SequentialKernel());
        KernelInvariants invariants = new();
        Differ differ = new("program");
        List<int> states = [];
        foreach (ProgramStep step in Registered.Concat(InSwap)
            .Append(new ProgramStep(ProgramOp.Unregister) { Address = Area, Length = 0x4000 }))
        {
            _ = model.Execute(step);
            invariants.Check(step, model, differ);
            states.Add(model.PageStateAt(Area));
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

    private static readonly ProgramStep Reader = new(ProgramOp.Access) { Thread = 0, Address = Area, Kind = "read" };
    private static readonly ProgramStep OtherReader = Reader with { Thread = 1 };
    private static readonly ProgramStep Writer = Reader with { Kind = "write", Value = 1 };
    private static readonly ProgramStep Zero = new(ProgramOp.Zeropage) { Address = Area, Length = 0x1000 };
    private static readonly ProgramStep ZeroElsewhere = Zero with { Address = Area + 0x2000 };

    // What is done behind the program's back when an operation has ended.
    private static readonly Dictionary<string, (ProgramStep[] Steps, Action<Operation, TamperingKernel> Tamper)> Wrong = new()
    {
        ["2: an access ends well on a page that is not there"] = ([Zero, Reader], (operation, _) =>
        {
            if (operation is Access access) access.Caller.Mm.SetEntry(PageSize.PageOf(access.Address), Entry.None);
        }
        ),
        ["3: half a page is filled"] = ([Zero], (operation, _) =>
        {
            if (operation is Fill fill) Put(fill, nameof(Fill.Out), 0x800L);
        }
        ),
        ["3: more is filled than was asked for"] = ([Zero], (operation, _) =>
        {
            if (operation is Fill fill) Put(fill, nameof(Fill.Out), 0x2000L);
        }
        ),
        ["3: what is counted is not there"] = ([Zero], (operation, _) =>
        {
            if (operation is Fill fill) fill.Caller.Mm.SetEntry(PageSize.PageOf(fill.Start), Entry.None);
        }
        ),
        ["4: a fill that fails has filled"] = ([Zero, Zero with { Length = 0x2000 }], (operation, _) =>
        {
            if (operation is Fill { Error: Errno.EEXIST } fill) fill.Caller.Mm.SetEntry(PageSize.PageOf(fill.Start) + 1, Entry.Zero);
        }
        ),
        ["5: a sleeping thread is not to be found"] = ([Reader, OtherReader, ZeroElsewhere], (operation, _) =>
        {
            if (operation is not Fill fill) return;
            foreach (Access access in fill.Context.Waiters().ToArray()) access.NextInBucket = null;
        }
        ),
        ["5: more faults are unread than threads sleep"] = ([Reader, ZeroElsewhere], (operation, _) =>
        {
            if (operation is not Fill fill) return;
            object waiters = typeof(UserfaultContext).GetField("_waiters", BindingFlags.Instance | BindingFlags.NonPublic)!
                .GetValue(fill.Context)!;
            Put(waiters, nameof(UserfaultContext.Pending), 2);
        }
        ),
        ["7: a thread sleeps at a context that nothing refers to"] = ([Reader, ZeroElsewhere], (operation, kernel) =>
        {
            if (operation is Fill) _ = kernel.Contexts[0].RemoveReference();
        }
        ),
        ["8: a write raises the fault of a read"] = ([Writer, ZeroElsewhere], (operation, _) =>
        {
            if (operation is Fill fill) Put(Assert.Single(fill.Context.Waiters()), nameof(Access.Flags), FaultFlags.None);
        }
        ),
        ["8: WP without WRITE"] = ([Reader, ZeroElsewhere], (operation, _) =>
        {
            if (operation is Fill fill) Put(Assert.Single(fill.Context.Waiters()), nameof(Access.Flags), FaultFlags.Wp);
        }
        ),
        ["8: WP and MINOR at once"] = ([Writer, ZeroElsewhere], (operation, _) =>
        {
            if (operation is Fill fill)
                Put(Assert.Single(fill.Context.Waiters()), nameof(Access.Flags), FaultFlags.Write | FaultFlags.Wp | FaultFlags.Minor);
        }
        ),
        ["10: nobody is about to change anything"] = ([Zero], (operation, _) =>
        {
            if (operation is Fill fill) fill.Context.BeginChange();
        }
        ),
        ["10: an event is unread, and nothing changes"] = ([Zero], (operation, _) =>
        {
            if (operation is Fill fill) fill.Context.Enqueue(new ContextEvent(UffdEvent.Remove, Area, Area + 0x1000, 0, null, operation));
        }
        ),
        ["11: a VMA has modes and no context"] = ([Zero], (operation, _) =>
        {
            if (operation is Fill fill) Put(fill.Caller.Mm.Map.Find(PageSize.PageOf(Area))!, nameof(Vma.Context), null);
        }
        ),
        ["12: a handshake that failed says something"] = ([new(ProgramOp.Api) { Magic = 1 }], (operation, _) =>
        {
            if (operation is Handshake { Error: Errno.EINVAL } handshake)
                Put(handshake, nameof(Handshake.Result), new UffdioApi { Api = 1 });
        }
        ),
        ["13: a call takes a thread out of another context"] = (
            [Reader, new(ProgramOp.Open) { Word = 0x80800 }, new(ProgramOp.Api) { Handle = 1, Magic = Uffd.ApiMagic },
                new(ProgramOp.Wake) { Handle = 1, Address = Area, Length = 0x1000 }],
            (operation, kernel) =>
            {
                if (operation is Wake) kernel.Contexts[0].Withdraw(Assert.Single(kernel.Contexts[0].Waiters()));
            }
        ),
    };

    public static TheoryData<string> WrongRuns => [.. Wrong.Keys];

    [Theory]
    [MemberData(nameof(WrongRuns))]
    public void What_goes_wrong_behind_the_program_breaks_its_invariant(string what)
    {
        (ProgramStep[] steps, Action<Operation, TamperingKernel> tamper) = Wrong[what];
        Assert.Empty(Check(new SequentialKernel(), steps));
        Assert.Contains(Check(new TamperingKernel(tamper), steps), m => m.Field == $"invariant {what.Split(':')[0]}");
    }

    private static void Put(object target, string property, object? value) =>
        target.GetType()
            .GetProperty(property, BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)!
            .SetValue(target, value);

    private static IReadOnlyList<Mismatch> Check(IKernel kernel, params ProgramStep[] steps)
    {
        using ModelExecutor model = new(ProgramGenerator.Header, WithSwap, _ => kernel);
        KernelInvariants invariants = new();
        Differ differ = new("program");
        foreach (ProgramStep step in Registered.Concat(steps))
        {
            _ = model.Execute(step);
            invariants.Check(step, model, differ);
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
            if (operation is Fill fill && ++_fills == 2) _ = _kernel.Run(new AdviseMemory(fill.Caller, Area, 0x1000, Advice.DontNeed));
            _kernel.Submit(operation);
        }

        public void Run() => _kernel.Run();
    }

    /// <summary>A kernel of which somebody changes something when an operation has ended, before anybody sees that it has.</summary>
    private sealed class TamperingKernel : IKernel
    {
        private readonly SequentialKernel _kernel = new();

        public TamperingKernel(Action<Operation, TamperingKernel> tamper) => _kernel.Finished += operation =>
        {
            tamper(operation, this);
            Finished?.Invoke(operation);
        };

        public event Action<Operation>? Finished;

        public List<UserfaultContext> Contexts { get; } = [];

        public T Attach<T>(T owner)
            where T : Owner
        {
            if (owner is UserfaultContext context) Contexts.Add(context);
            return _kernel.Attach(owner);
        }

        public void Submit(Operation operation) => _kernel.Submit(operation);

        public void Run() => _kernel.Run();
    }
}
