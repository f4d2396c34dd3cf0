using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Cli.Tests;

/// <summary>A memory module with a complete and correct table; each of those below is wrong in one way.</summary>
public class RightModule : MemoryModule, IVmUffdOps
{
    public override string Name => "right";

    public override IVmUffdOps Ops => this;

    public virtual RegisterModes Features => RegisterModes.All;

    public virtual UffdIoctls Ioctls =>
        UffdIoctls.Copy | UffdIoctls.ZeroPage | UffdIoctls.WriteProtect | UffdIoctls.Continue | UffdIoctls.Poison;

    public bool HasGetFolio => true;

    public virtual bool HasCopy => true;

    public virtual Errno GetFolio(MemoryFile file, long index, out uint folio)
    {
        ArgumentNullException.ThrowIfNull(file);
        CacheSlot slot = file.Use(index);
        folio = slot.Folio;
        return index >= file.EndIndex ? Errno.EINVAL : slot.IsPresent ? Errno.None : Errno.ENOENT;
    }

    public virtual Errno Copy(in CopyRequest request, ref uint folio)
    {
        if (request.FileIndex >= request.File.EndIndex) return Errno.EFAULT;
        if (folio == FolioStore.None) folio = request.File.Store.AllocateFrom(request.Source);
        return Errno.None;
    }
}

/// <summary>As correct: its memory has content from the start, and can be filled all the same.</summary>
public class FilledModule : RightModule
{
    protected virtual long FirstFilled => 0;

    public override MemoryFile CreateFile(Machine machine, long bytes)
    {
        MemoryFile file = base.CreateFile(machine, bytes);
        for (long index = FirstFilled; index < file.EndIndex; index++)
            _ = file.TryAdd(index, CacheSlot.Page(file.Store.AllocateFrom(FillSource.Stamp(0x54))));
        return file;
    }
}

/// <summary>As correct.</summary>
public sealed class HalfFilledModule : FilledModule
{
    protected override long FirstFilled => 1;
}

/// <summary>Its lookup makes what it does not find.</summary>
public sealed class AllocatingModule : RightModule
{
    public override Errno GetFolio(MemoryFile file, long index, out uint folio)
    {
        ArgumentNullException.ThrowIfNull(file);
        _ = file.EnsurePage(index);
        return base.GetFolio(file, index, out folio);
    }
}

/// <summary>It keeps a page of the cache that was never asked for.</summary>
public sealed class LeakingModule : RightModule
{
    public override Errno Copy(in CopyRequest request, ref uint folio)
    {
        _ = request.File.Store.AllocateZeroed();
        return base.Copy(request, ref folio);
    }
}

/// <summary>It advertises ZEROPAGE and refuses it.</summary>
public sealed class RefusingModule : RightModule
{
    public override Errno Copy(in CopyRequest request, ref uint folio) =>
        request.Source.Kind == FillSourceKind.Zero ? Errno.EINVAL : base.Copy(request, ref folio);
}

/// <summary>The pages that it makes for an ordinary fault are not zeros.</summary>
public sealed class SoiledModule : RightModule
{
    public override Errno Fault(MemoryFile file, long index)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (file.SlotAt(index).IsPresent) return Errno.None;
        return file.TryAdd(index, CacheSlot.Page(file.Store.AllocateFrom(FillSource.Stamp(1)))) ? Errno.None : Errno.ENOMEM;
    }
}

/// <summary>It offers MISSING without COPY.</summary>
public sealed class ContradictingModule : RightModule
{
    public override UffdIoctls Ioctls => base.Ioctls & ~UffdIoctls.Copy;
}

/// <summary>Its lookup throws.</summary>
public sealed class ThrowingModule : RightModule
{
    public override Errno GetFolio(MemoryFile file, long index, out uint folio) => throw new InvalidOperationException("out of order");
}

/// <summary>It gives folios that there are not.</summary>
public class StrangeModule : RightModule
{
    public override string Name => "strange";

    protected virtual uint Folio => 60_000_000;

    public override Errno GetFolio(MemoryFile file, long index, out uint folio)
    {
        folio = Folio;
        return Errno.None;
    }

    public override Errno Copy(in CopyRequest request, ref uint folio)
    {
        folio = Folio;
        return Errno.None;
    }
}

/// <summary>It says that it gives a folio, and gives none.</summary>
public sealed class EmptyHandedModule : StrangeModule
{
    protected override uint Folio => FolioStore.None;
}

/// <summary>Memory like shmem's that cannot be registered: it has no table.</summary>
public sealed class PlainModule : MemoryModule
{
    public override string Name => "plain";

    public override IVmUffdOps? Ops => null;
}

/// <summary>Its static constructor throws, which .NET reports as a failure of the type.</summary>
public sealed class BrokenTypeModule : RightModule
{
    private static readonly int Broken = Fail();

    public override string Name => $"broken-{Broken}";

    private static int Fail() => throw new InvalidOperationException("out of order");
}

/// <summary>
/// One of its members does what it should not: <c>faulty.at</c> names the member, <c>faulty.how</c> what it does. Before it blocks it makes
/// the file <c>faulty.mark</c>.
/// </summary>
public sealed class FaultyModule : RightModule, IVmUffdOps
{
    private readonly string _at;
    private readonly string _how;
    private readonly string? _mark;
    private int _readings;

    public FaultyModule(IReadOnlyDictionary<string, string> settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        _at = settings["faulty.at"];
        _how = settings["faulty.how"];
        _mark = settings.GetValueOrDefault("faulty.mark");
        At("constructor");
    }

    public override string Name
    {
        get
        {
            At("Name");
            if (_at != "Name") return "faulty";
            return _how switch
            {
                "nothing" => null!,
                "core" => "anon",
                "long" => new string('f', 65),
                "bidi" => "ab\u202ecd",
                "escape" => "ab\u001b[31mcd\a\0",
                _ => "faulty",
            };
        }
    }

    public override IVmUffdOps Ops
    {
        get
        {
            At("Ops");
            return this;
        }
    }

    public override int PageShift
    {
        get
        {
            At("PageShift");
            return base.PageShift;
        }
    }

    public override RegisterModes Features
    {
        get
        {
            At("Features");
            return base.Features;
        }
    }

    public override UffdIoctls Ioctls
    {
        get
        {
            At("Ioctls");
            return base.Ioctls;
        }
    }

    public override MemoryFile CreateFile(Model.Machine machine, long bytes)
    {
        At("CreateFile");
        return _at == "CreateFile" && _how == "nothing" ? null! : base.CreateFile(machine, bytes);
    }

    public override Errno Fault(MemoryFile file, long index) => At("Fault") ?? base.Fault(file, index);

    public override Errno CheckMapping(MemoryFile file, Model.Mapping.Prot prot, bool shared) =>
        At("CheckMapping") ?? base.CheckMapping(file, prot, shared);

    public override Errno CheckProtection(Model.Mapping.Prot prot, bool shared) =>
        At("CheckProtection") ?? base.CheckProtection(prot, shared);

    public override void OnMapped(MemoryFile file, Model.Mapping.Prot prot, long end) => At("OnMapped");

    public override Errno GetFolio(MemoryFile file, long index, out uint folio)
    {
        folio = FolioStore.None;
        return At("GetFolio") ?? base.GetFolio(file, index, out folio);
    }

    public override Errno Copy(in CopyRequest request, ref uint folio)
    {
        Errno error = At("Copy") ?? base.Copy(request, ref folio);
        // Core is to fill the folio and to call again, for ever.
        return _at == "Copy" && _how == "again" && error == Errno.None ? Errno.ENOENT : error;
    }

    private Errno? At(string member)
    {
        if (member != _at || (_how == "later" && _readings++ == 0)) return null;
        switch (_how)
        {
            case "throw" or "later":
                throw new InvalidOperationException("out of order");
            case "silent":
                throw new SilentException();
            case "mute":
                throw new MuteException();
            case "block":
                if (_mark is not null) File.WriteAllText(_mark, "");
                new ManualResetEventSlim().Wait();
                return null;
            default:
                return Enum.TryParse(_how, out Errno error) ? error : null;
        }
    }

    /// <summary>Has no message.</summary>
    private sealed class SilentException : Exception
    {
        public override string Message => null!;
    }

    /// <summary>Its message throws.</summary>
    private sealed class MuteException : Exception
    {
        public override string Message => throw new InvalidOperationException("no message");
    }
}
