using UffdActors.Abi;
using UffdActors.Conformance.Programs;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Files;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Conformance.Replay;

/// <summary>Makes the model's operations for the steps of a program.</summary>
internal sealed class StepOperations(ModelObjects objects)
{
    /// <summary>The operation of a step that a thread executes.</summary>
    public Operation OperationOf(ProgramStep s)
    {
        Caller caller = objects.ThreadOf(s);
        switch (s.Op)
        {
            case ProgramOp.Api:
                return new Handshake(caller, objects.HandleOf(s), new UffdioApi { Api = s.Magic, Features = s.Word }, s.Pointer);
            case ProgramOp.Register:
                return new Register(caller, objects.HandleOf(s), s.Address, s.Length, s.Word, s.Pointer);
            case ProgramOp.Unregister:
                return new Unregister(caller, objects.HandleOf(s), s.Address, s.Length, s.Pointer);
            case ProgramOp.Wake:
                return new Wake(caller, objects.HandleOf(s), s.Address, s.Length, s.Pointer);
            case ProgramOp.Copy or ProgramOp.Zeropage or ProgramOp.Continue or ProgramOp.Poison:
                return NewFill(caller, s);
            case ProgramOp.Move:
                return new Move(caller, objects.HandleOf(s), s.Address, s.Other, s.Length, s.Word, s.Pointer);
            case ProgramOp.Writeprotect:
                return new WriteProtect(caller, objects.HandleOf(s), s.Address, s.Length, s.Word, s.Pointer);
            case ProgramOp.Read:
                return new ReadMessages(caller, objects.HandleOf(s), (ulong)s.Value, s.Pointer);
            case ProgramOp.Poll:
                return new Poll(caller, objects.HandleOf(s));
            case ProgramOp.Access:
                return NewAccess(caller, s);
            case ProgramOp.Fallocate:
                return new AllocateFile(caller, objects.Files[s.Number], (long)s.Second, (long)s.Length);
            case ProgramOp.Punch:
                return new PunchHole(caller, objects.Files[s.Number], (long)s.Second, (long)s.Length);
            case ProgramOp.Truncate:
                return new TruncateFile(caller, objects.Files[s.Number], (long)s.Length);
            case ProgramOp.Fwrite:
                return new WriteFile(caller, objects.Files[s.Number], (long)s.Second, (byte)s.Value);
            case ProgramOp.Mmap:
                MemoryFile? file = s.Kind == "anon" ? null : objects.Files[s.Number];
                return new MapMemory(
                    caller, s.Address, s.Length,
                    new MapRequest((Prot)s.Word, file, Shared: file is not null && !s.Kind.EndsWith('p'), s.Second));
            case ProgramOp.Munmap:
                return new UnmapMemory(caller, s.Address, s.Length);
            case ProgramOp.Mprotect:
                return new ProtectMemory(caller, s.Address, s.Length, (Prot)s.Word);
            case ProgramOp.Mremap:
                return new RemapMemory(caller, s.Address, s.Length, s.Second, (RemapModes)s.Word, s.Other);
            case ProgramOp.Madvise when s.Kind is "DONTFORK" or "DOFORK":
                return new AdviseFork(caller, s.Address, s.Length, leaveOut: s.Kind == "DONTFORK");
            case ProgramOp.Madvise:
                return new AdviseMemory(caller, s.Address, s.Length, AdviceOf(s.Kind));
            case ProgramOp.Fork:
                IEnumerable<UserfaultContext> contexts = objects.Handles.OfType<UserfaultContext>().Distinct();
                return new ForkProcess(caller, s.Number, _ => objects.NextContextNumber(), contexts);
            case ProgramOp.Exit:
                return new ExitProcess(caller);
            default:
                throw new InvalidOperationException($"{s.Op} is not an operation of a thread.");
        }
    }

    private Fill NewFill(Caller caller, ProgramStep s)
    {
        (FillKind kind, FillSource source) = s.Op switch
        {
            ProgramOp.Copy => (FillKind.Copy, FillSource.User(s.Other)),
            ProgramOp.Zeropage => (FillKind.ZeroPage, FillSource.Zero),
            ProgramOp.Continue => (FillKind.Continue, FillSource.Zero),
            _ => (FillKind.Poison, FillSource.Zero),
        };
        Fill fill = new(caller);
        fill.Begin(objects.HandleOf(s), kind, s.Address, s.Length, source, (FillModes)s.Word, s.Pointer);
        return fill;
    }

    private static Access NewAccess(Caller caller, ProgramStep s)
    {
        // A system call that writes to a pipe reads memory, and the other way round.
        AccessKind kind = s.Kind switch
        {
            "read" => AccessKind.Read,
            "write" => AccessKind.Write,
            "kread" => AccessKind.Read | AccessKind.Kernel,
            _ => AccessKind.Write | AccessKind.Kernel,
        };
        Access access = new(caller);
        access.Begin(s.Address, kind, (ulong)s.Value);
        return access;
    }

    private static Advice AdviceOf(string name) => name switch
    {
        "DONTNEED" => Advice.DontNeed,
        "FREE" => Advice.Free,
        // Not in traces, since none was recorded with swap; programs made in code may use it.
        "PAGEOUT" => Advice.PageOut,
        _ => Advice.Remove,
    };
}
