namespace UffdActors.Conformance.Cells;

/// <summary>An operation on a page.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Call">What it is.</param>
/// <param name="WithWp">A fill that asks for write protection.</param>
/// <param name="ByKernel">An access in a system call.</param>
internal sealed record CellOperation(string Name, CellCall Call, bool WithWp = false, bool ByKernel = false)
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<CellOperation> All { get; } =
    [
        new("copy", CellCall.Copy),
        new("copy+wp", CellCall.Copy, WithWp: true),
        new("zeropage", CellCall.ZeroPage),
        new("continue", CellCall.Continue),
        new("continue+wp", CellCall.Continue, WithWp: true),
        new("poison", CellCall.Poison),
        new("wp-set", CellCall.Protect),
        new("wp-clear", CellCall.Unprotect),
        new("move", CellCall.Move),
        new("wake", CellCall.Wake),
        new("register", CellCall.Register),
        new("unregister", CellCall.Unregister),
        new("read", CellCall.Read),
        new("write", CellCall.Write),
        new("kread", CellCall.Read, ByKernel: true),
        new("kwrite", CellCall.Write, ByKernel: true),
        new("dontneed", CellCall.DontNeed),
        new("free", CellCall.Free),
        new("remove", CellCall.Remove),
        new("punch", CellCall.Punch),
        new("truncate", CellCall.Truncate),
        new("fork", CellCall.Fork),
    ];

    /// <summary>True for a load or a store.</summary>
    public bool IsAccess => Call is CellCall.Read or CellCall.Write;

    /// <summary>True for COPY, ZEROPAGE, CONTINUE and POISON.</summary>
    public bool IsFill => Call is CellCall.Copy or CellCall.ZeroPage or CellCall.Continue or CellCall.Poison;

    /// <summary>The operation of a name, or null.</summary>
    public static CellOperation? Find(string name) => All.FirstOrDefault(o => o.Name == name);
}
