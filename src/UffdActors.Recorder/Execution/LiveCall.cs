using UffdActors.Abi;
using UffdActors.Conformance.Programs;
using UffdActors.Linux.Native;
using UffdActors.Model.Operations;

namespace UffdActors.Recorder.Execution;

/// <summary>
/// One step as a call of the kernel, and its result. Made by the main thread, executed by the step's thread, read by the main thread once
/// that thread has finished or sleeps.
/// </summary>
/// <param name="step">The step.</param>
/// <param name="descriptor">Descriptor of its handle or file; -1 if it has none.</param>
/// <param name="scratch">Pages of the executing thread.</param>
internal sealed class LiveCall(ProgramStep step, int descriptor, Scratch scratch)
{
    /// <summary>Value of an out field before a call: no possible count or errno.</summary>
    public const ulong Untouched = 0x5A5A_5A5A_5A5A_5A5A;

    private const int MaxMessages = 64;
    private ulong[] _words = [];

    /// <summary>The step.</summary>
    public ProgramStep Step => step;

    /// <summary>What the call returned.</summary>
    public CallResult Result { get; private set; }

    /// <summary>The argument structure afterwards; empty for calls without one.</summary>
    public IReadOnlyList<ulong> Words => _words;

    /// <summary>What an access read or wrote.</summary>
    public byte Value { get; private set; }

    /// <summary>Messages that were read.</summary>
    public UffdMsg[] Messages { get; private set; } = [];

    /// <summary>Executes the step; may sleep.</summary>
    public void Execute() => Result = step.Op switch
    {
        ProgramOp.Api => Ioctl(UffdioCommand.Api, step.Magic, step.Word, 0),
        ProgramOp.Register => Ioctl(UffdioCommand.Register, step.Address, step.Length, step.Word, Untouched),
        ProgramOp.Unregister => Ioctl(UffdioCommand.Unregister, step.Address, step.Length),
        ProgramOp.Wake => Ioctl(UffdioCommand.Wake, step.Address, step.Length),
        ProgramOp.Copy => Ioctl(UffdioCommand.Copy, step.Address, step.Other, step.Length, step.Word, Untouched),
        ProgramOp.Move => Ioctl(UffdioCommand.Move, step.Address, step.Other, step.Length, step.Word, Untouched),
        ProgramOp.Zeropage => Ioctl(UffdioCommand.ZeroPage, step.Address, step.Length, step.Word, Untouched),
        ProgramOp.Continue => Ioctl(UffdioCommand.Continue, step.Address, step.Length, step.Word, Untouched),
        ProgramOp.Poison => Ioctl(UffdioCommand.Poison, step.Address, step.Length, step.Word, Untouched),
        ProgramOp.Writeprotect => Ioctl(UffdioCommand.WriteProtect, step.Address, step.Length, step.Word),
        ProgramOp.Read => Read(),
        ProgramOp.Poll => new CallResult(RawCalls.Poll(descriptor), Errno.None),
        ProgramOp.Access => Access(),
        ProgramOp.Fallocate => RawCalls.Allocate(descriptor, 0, step.Second, step.Length),
        ProgramOp.Punch => RawCalls.Allocate(descriptor, Fd.FALLOC_FL_PUNCH_HOLE | Fd.FALLOC_FL_KEEP_SIZE, step.Second, step.Length),
        ProgramOp.Truncate => RawCalls.Truncate(descriptor, step.Length),
        ProgramOp.Fwrite => WriteFile(),
        ProgramOp.Mmap => Mmap(),
        ProgramOp.Munmap => RawCalls.Unmap(step.Address, step.Length),
        ProgramOp.Mprotect => RawCalls.Protect(step.Address, step.Length, (int)step.Word),
        ProgramOp.Mremap => Zero(RawCalls.Remap(step.Address, step.Length, step.Second, (int)step.Word, step.Other)),
        ProgramOp.Madvise => RawCalls.Advise(step.Address, step.Length, AdviceOf(step.Kind)),
        _ => throw new InvalidOperationException($"{step.Op} is not a call of a thread."),
    };

    private CallResult Ioctl(uint command, params ReadOnlySpan<ulong> words)
    {
        _words = words.ToArray();
        ulong place = PlaceOf(_words);
        CallResult result = RawCalls.Ioctl(descriptor, command, place);
        if (place != 0) RawCalls.ReadWords(place, _words);
        return result;
    }

    private ulong PlaceOf(ReadOnlySpan<ulong> words)
    {
        switch (step.Pointer)
        {
            case ArgumentPointer.Null:
                return 0;
            case ArgumentPointer.ReadOnly:
                scratch.SetReadOnly(words);
                return scratch.ReadOnly;
            default:
                RawCalls.WriteWords(scratch.Writable, words);
                return scratch.Writable;
        }
    }

    private CallResult Read()
    {
        ulong place = step.Pointer switch
        {
            ArgumentPointer.Null => 0,
            ArgumentPointer.ReadOnly => scratch.ReadOnly,
            _ => scratch.Writable
        };
        CallResult result = RawCalls.Read(descriptor, place, Math.Min(step.Value, MaxMessages * UffdMsg.SizeInBytes));
        if (result.Return <= 0 || step.Pointer != ArgumentPointer.Good) return result;
        Messages = new UffdMsg[result.Return / UffdMsg.SizeInBytes];
        RawCalls.ReadBytes(place, System.Runtime.InteropServices.MemoryMarshal.AsBytes(Messages.AsSpan()));
        return result;
    }

    private CallResult Access()
    {
        switch (step.Kind)
        {
            case "read":
                Value = RawCalls.Load(step.Address);
                return default;
            case "write":
                Value = (byte)step.Value;
                RawCalls.Store(step.Address, Value);
                return default;
            case "kread":
                CallResult taken = RawCalls.Write(scratch.PipeWrite, step.Address, 1);
                if (taken.Return == 1) Value = Drain();
                return taken;
            default:
                Value = (byte)step.Value;
                RawCalls.Store(scratch.Writable, Value);
                _ = RawCalls.Write(scratch.PipeWrite, scratch.Writable, 1);
                CallResult given = RawCalls.Read(scratch.PipeRead, step.Address, 1);
                if (given.Return != 1) _ = Drain();
                return given;
        }
    }

    private byte Drain()
    {
        _ = RawCalls.Read(scratch.PipeRead, scratch.Writable, 1);
        return RawCalls.Load(scratch.Writable);
    }

    private CallResult WriteFile()
    {
        RawCalls.Store(scratch.Writable, (byte)step.Value);
        return RawCalls.PWrite(descriptor, scratch.Writable, 1, (long)step.Second);
    }

    private CallResult Mmap()
    {
        bool anonymous = step.Kind == "anon";
        bool isPrivate = anonymous || step.Kind.EndsWith('p');
        int flags = Mm.MAP_FIXED | (isPrivate ? Mm.MAP_PRIVATE : Mm.MAP_SHARED) | (anonymous ? Mm.MAP_ANONYMOUS : 0);
        return Zero(RawCalls.Map(step.Address, step.Length, (int)step.Word, flags, descriptor, step.Second));
    }

    // These return the address, which the program has fixed.
    private static CallResult Zero(CallResult result) => result.Return == -1 ? result : default;

    private static int AdviceOf(string name) => name switch { "DONTNEED" => 4, "FREE" => 8, "REMOVE" => 9, "DONTFORK" => 10, _ => 11 };
}
