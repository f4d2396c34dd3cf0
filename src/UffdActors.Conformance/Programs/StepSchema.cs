using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Maps;

namespace UffdActors.Conformance.Programs;

/// <summary>The arguments of each operation in the order in which a trace names them. Reading and writing both go by this table.</summary>
internal static class StepSchema
{
    private const ulong Fixed = (ulong)RemapModes.Fixed;

    private static readonly Argument Start = Argument.Hex("start", s => s.Address, (s, v) => s with { Address = v });
    private static readonly Argument Addr = Argument.Hex("addr", s => s.Address, (s, v) => s with { Address = v });
    private static readonly Argument Dst = Argument.Hex("dst", s => s.Address, (s, v) => s with { Address = v });
    private static readonly Argument Src = Argument.Hex("src", s => s.Other, (s, v) => s with { Other = v });
    private static readonly Argument New = Argument.Hex("new", s => s.Other, (s, v) => s with { Other = v }, s => (s.Word & Fixed) != 0);
    private static readonly Argument Len = Argument.Hex("len", s => s.Length, (s, v) => s with { Length = v });
    private static readonly Argument Size = Argument.Hex("size", s => s.Length, (s, v) => s with { Length = v });
    private static readonly Argument NewLen = Argument.Hex("newlen", s => s.Second, (s, v) => s with { Second = v });
    private static readonly Argument Off = Argument.Hex("off", s => s.Second, (s, v) => s with { Second = v }, s => s.Kind != "anon");
    private static readonly Argument Mode = Argument.Hex("mode", s => s.Word, (s, v) => s with { Word = v });
    private static readonly Argument Flags = Argument.Hex("flags", s => s.Word, (s, v) => s with { Word = v });
    private static readonly Argument RemapFlags = Argument.Integer("flags", s => (long)s.Word, (s, v) => s with { Word = (ulong)v });
    private static readonly Argument Features = Argument.Hex("features", s => s.Word, (s, v) => s with { Word = v });
    private static readonly Argument Prot = Argument.Integer("prot", s => (long)s.Word, (s, v) => s with { Word = (ulong)v });
    private static readonly Argument Magic = Argument.Hex("api", s => s.Magic, (s, v) => s with { Magic = v });
    private static readonly Argument Bytes = Argument.Integer("bytes", s => s.Value, (s, v) => s with { Value = v });
    private static readonly Argument Value =
        Argument.Integer("val", s => s.Value, (s, v) => s with { Value = v }, s => !s.Kind.EndsWith("read", StringComparison.Ordinal));
    private static readonly Argument File =
        Argument.Integer("f", s => s.Number, (s, v) => s with { Number = (int)v }, s => s.Kind != "anon");
    private static readonly Argument Child = Argument.Integer("child", s => s.Number, (s, v) => s with { Number = (int)v });
    private static readonly Argument AccessKind = KindOf("kind", "read", "write", "kread", "kwrite");
    private static readonly Argument FileKind = KindOf("kind", "shm", "htlb");
    private static readonly Argument MapKind = KindOf("kind", "anon", "shm", "shmp", "htlb", "htlbp");
    private static readonly Argument Advice = KindOf("advice", "DONTNEED", "FREE", "REMOVE", "DONTFORK", "DOFORK");
    private static readonly Argument Pointer = Argument.Text(
        "ptr",
        s => s.Pointer switch { ArgumentPointer.Null => "null", ArgumentPointer.ReadOnly => "ro", _ => "" },
        (s, v) => s with { Pointer = PointerOf(v) },
        s => s.Pointer != ArgumentPointer.Good);

    private static readonly Argument[] Range = [Start, Len, Pointer];
    private static readonly Argument[] RangeMode = [Start, Len, Mode, Pointer];
    private static readonly Argument[] TwoPlaces = [Dst, Src, Len, Mode, Pointer];

    /// <summary>The arguments of an operation.</summary>
    public static IReadOnlyList<Argument> ArgumentsOf(ProgramOp op) => op switch
    {
        ProgramOp.Open => [Flags],
        ProgramOp.Api => [Magic, Features, Pointer],
        ProgramOp.Register or ProgramOp.Zeropage or ProgramOp.Continue or ProgramOp.Poison or ProgramOp.Writeprotect => RangeMode,
        ProgramOp.Unregister or ProgramOp.Wake => Range,
        ProgramOp.Copy or ProgramOp.Move => TwoPlaces,
        ProgramOp.Read => [Bytes, Pointer],
        ProgramOp.Access => [AccessKind, Addr, Value],
        ProgramOp.File => [File, FileKind, Size],
        ProgramOp.Fallocate or ProgramOp.Punch => [File, Off, Len],
        ProgramOp.Truncate => [File, Size],
        ProgramOp.Fwrite => [File, Off, Value],
        ProgramOp.Mmap => [Addr, Len, Prot, MapKind, File, Off],
        ProgramOp.Munmap => [Addr, Len],
        ProgramOp.Mprotect => [Addr, Len, Prot],
        ProgramOp.Mremap => [Addr, Len, NewLen, RemapFlags, New],
        ProgramOp.Madvise => [Addr, Len, Advice],
        ProgramOp.Fork => [Child],
        _ => [],
    };

    /// <summary>True if the operation works on a handle.</summary>
    public static bool HasHandle(ProgramOp op) => op is ProgramOp.Api or ProgramOp.Close or ProgramOp.Dup or ProgramOp.Register
        or ProgramOp.Unregister or ProgramOp.Wake or ProgramOp.Copy or ProgramOp.Move or ProgramOp.Zeropage or ProgramOp.Continue
        or ProgramOp.Poison or ProgramOp.Writeprotect or ProgramOp.Read or ProgramOp.Poll;

    /// <summary>Name of an operation in a trace.</summary>
    public static string NameOf(ProgramOp op) => Names[(int)op];

    /// <summary>The operation of a name, or null.</summary>
    public static ProgramOp? Find(string name) => Array.IndexOf(Names, name) is var i and >= 0 ? (ProgramOp)i : null;

    private static ArgumentPointer PointerOf(string name) => name switch
    {
        "null" => ArgumentPointer.Null,
        "ro" => ArgumentPointer.ReadOnly,
        _ => throw NotOneOf("ptr", name, ["null", "ro"]),
    };

    private static Argument KindOf(string name, params string[] known) => Argument.Text(
        name, s => s.Kind, (s, v) => known.Contains(v) ? s with { Kind = v } : throw NotOneOf(name, v, known));

    private static FieldException NotOneOf(string name, string value, string[] known) =>
        new($"\"{name}\" is \"{value}\"; it must be {string.Join(" or ", known)}");

    private static readonly string[] Names = [.. Enum.GetNames<ProgramOp>().Select(n => n.ToLowerInvariant())];
}
