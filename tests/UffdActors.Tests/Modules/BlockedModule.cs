using UffdActors.Model.Mapping;

namespace UffdActors.Tests.Modules;

/// <summary>Memory of a module that blocks when it is made, or when it is mapped, until a test releases it.</summary>
public sealed class BlockedModule : MemoryModule
{
    /// <summary>The member that blocks.</summary>
    public static AsyncLocal<string?> At { get; } = new();

    /// <summary>Set by a member that blocks.</summary>
    public static SemaphoreSlim Entered { get; } = new(0);

    /// <summary>Lets it go on.</summary>
    public static SemaphoreSlim Go { get; } = new(0);

    private readonly string? _at = At.Value;

    public BlockedModule() => Block("constructor");

    public override string Name => "blocked";

    public override IVmUffdOps? Ops => null;

    public override void OnMapped(MemoryFile file, Prot prot, long end) => Block("OnMapped");

    private void Block(string member)
    {
        if (_at != member) return;
        _ = Entered.Release();
        Go.Wait();
    }
}
