using UffdActors.Model;
using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;

namespace UffdActors.Conformance.Designs;

/// <summary>A check of SEMANTICS 7.5, and whether module or design is the cause when it fails.</summary>
/// <param name="Number">1 to 7; 2 is there twice, as what the module declares and as what REGISTER reports.</param>
/// <param name="Rule">What holds if it passes.</param>
/// <param name="IsOfDesign">True if a failure is the design's, whatever the module does.</param>
/// <param name="Run">Runs it; null if it passed, else the example on which it failed.</param>
internal sealed record DesignCheck(string Number, string Rule, bool IsOfDesign, Func<DesignSubject, string?> Run)
{
    /// <summary>Fills of the checks ask for no mode; end of a sentence.</summary>
    public const string WithoutModes = " (with mode 0)";

    private static readonly FillKind[] Fills = [FillKind.Copy, FillKind.ZeroPage, FillKind.Continue, FillKind.Poison];

    public static IReadOnlyList<DesignCheck> All { get; } =
    [
        new("1", "what is accepted as a set of modes is accepted as any part of it", false, ModesAreSubsets),
        new("2a", "an ioctl that the module declares has an implementation", false, DeclaredIoctlsWork),
        new("2b", "an ioctl that REGISTER reports has an implementation", true, ReportedIoctlsWork),
        new("3", "CONTINUE never allocates", false, ContinueNeverAllocates),
        new("4", "a fill that fails leaves cache and accounting as before", false, FailedFillsLeaveNothing),
        new("5", "a module in use is not unloaded, and closing releases every thread", false, UnloadAndClose),
        new("6", "COPY into a private mapping never touches the shared cache", false, PrivateCopyKeepsCache),
        new("7", "a page that an ordinary fault makes holds zeros", false, FreshPagesAreZeros),
    ];

    private static string? ModesAreSubsets(DesignSubject subject)
    {
        foreach (bool shared in Sharing(subject.Module))
        {
            RegisterModes[] accepted = [.. ModesOf(subject, shared)];
            foreach (RegisterModes modes in accepted)
            {
                for (RegisterModes part = RegisterModes.Missing; part < modes; part++)
                {
                    if ((part & ~modes) == 0 && !accepted.Contains(part))
                        return $"{Text(shared)}: REGISTER takes {Letters(modes)} and refuses {Letters(part)}";
                }
            }

            if (GoesByMasks(subject) && subject.Module.Facts is { Ops: not null } facts)
            {
                for (RegisterModes modes = RegisterModes.Missing; modes <= RegisterModes.All; modes++)
                {
                    if (((modes & ~facts.Features) == 0) != accepted.Contains(modes))
                        return $"{Text(shared)}: Features is {Letters(facts.Features)}, and REGISTER "
                            + $"{(accepted.Contains(modes) ? "takes" : "refuses")} {Letters(modes)}";
                }
            }
        }

        return null;
    }

    // The merged table asks about base pages by can_userfault, which may take more than is declared.
    private static bool GoesByMasks(DesignSubject subject) =>
        subject.Profile.Shape is OpsShape.Seed
            || (subject.Profile.Shape is OpsShape.Merged && subject.Module.Facts.PageShift != PageSize.BaseShift);

    // Only the tables have declarations; each declared mode must also have an ioctl that resolves it.
    private static string? DeclaredIoctlsWork(DesignSubject subject)
    {
        OpsShape shape = subject.Profile.Shape;
        if (shape is not (OpsShape.Seed or OpsShape.Reduced) || subject.Module.Facts is not { Ops: not null } facts) return null;
        RegisterModes all = ModesOf(subject, shared: true).Aggregate(RegisterModes.None, (a, b) => a | b);
        if (all == RegisterModes.None) return null;
        foreach (FillKind kind in Fills)
        {
            if (shape == OpsShape.Reduced && kind is FillKind.Copy or FillKind.ZeroPage) continue;
            if ((facts.Ioctls & BitOf(kind)) != 0 && Try(subject, shared: true, all, kind) is { } problem) return problem;
        }

        if (shape == OpsShape.Seed && (facts.Features & RegisterModes.Missing) != 0 && (facts.Ioctls & UffdIoctls.Copy) == 0)
            return "MISSING is offered, and COPY, which would resolve it, is not";
        if (shape == OpsShape.Seed && (facts.Features & RegisterModes.Minor) != 0 && (facts.Ioctls & UffdIoctls.Continue) == 0)
            return "MINOR is offered, and CONTINUE, which would resolve it, is not";
        return null;
    }

    private static string? ReportedIoctlsWork(DesignSubject subject)
    {
        foreach (bool shared in Sharing(subject.Module))
        {
            foreach (RegisterModes modes in ModesOf(subject, shared))
            {
                UffdIoctls reported;
                using (DesignScene scene = subject.NewScene(shared)) reported = scene.Register(modes).Ioctls ?? UffdIoctls.None;
                foreach (FillKind kind in Fills)
                {
                    if ((reported & BitOf(kind)) != 0 && Try(subject, shared, modes, kind) is { } problem) return problem;
                }
            }
        }

        return null;
    }

    private static string? ContinueNeverAllocates(DesignSubject subject)
    {
        foreach (bool shared in Sharing(subject.Module))
        {
            if (!ModesOf(subject, shared).Contains(RegisterModes.Minor)) continue;
            using DesignScene scene = subject.NewScene(shared);
            _ = scene.Register(RegisterModes.Minor);
            long hole = FirstHole(scene);
            if (hole < 0) continue;
            long before = scene.FoliosInUse;
            Fill fill = scene.Fill(FillKind.Continue, hole);
            if (scene.FoliosInUse != before || scene.File.SlotAt(hole).IsPresent)
                return $"{Text(shared)}: CONTINUE over a hole gives {Result(fill)} and has allocated a page of zeros; EFAULT is due";
            if (fill.Error == Errno.None) return $"{Text(shared)}: CONTINUE over a hole gives 0; EFAULT is due";
        }

        return null;
    }

    private static string? FailedFillsLeaveNothing(DesignSubject subject)
    {
        RegisterModes modes = ModesOf(subject, shared: true).FirstOrDefault(m => (m & RegisterModes.Missing) != 0);
        if (modes == RegisterModes.None) return null;
        foreach (FillKind kind in new[] { FillKind.Copy, FillKind.ZeroPage })
        {
            // The loser of a race, and a page beyond the end of the file.
            using DesignScene scene = subject.NewScene(shared: true);
            // Memory that has its content from the start has no holes.
            long hole = FirstHole(scene);
            if (hole < 0) continue;
            _ = scene.Register(modes);
            long atFirst = scene.FoliosInUse;
            Fill winner = new(scene.Main);
            Fill loser = new(scene.Main);
            winner.Begin(scene.Context, kind, scene.At(hole), scene.Page, FillSource.Stamp(1));
            loser.Begin(scene.Context, kind, scene.At(hole), scene.Page, FillSource.Stamp(2));
            scene.Submit(winner);
            scene.Submit(loser);
            scene.RunAll();
            if (winner.Error == Errno.EINVAL) continue;
            long expected = winner.Error == Errno.None || loser.Error == Errno.None ? 1 : 0;
            if (scene.FoliosInUse != atFirst + expected || scene.File.SlotAt(hole).IsPresent != (expected == 1))
                return $"{kind} against {kind} of one page: {Result(winner)} and {Result(loser)}, and {scene.FoliosInUse} folios are in "
                    + $"use where {atFirst + expected} should be";
            if (winner.Error == Errno.None && loser.Error == Errno.None) return $"{kind} against {kind} of one page: both succeed";

            _ = scene.Run(new Model.Operations.Files.TruncateFile(scene.Main, scene.File, (long)scene.Page));
            long before = scene.FoliosInUse;
            Fill beyond = scene.Fill(kind, 2);
            if (scene.File.Bytes == (long)scene.Page
                && (beyond.Error == Errno.None || scene.FoliosInUse != before || scene.File.SlotAt(2).IsPresent))
                return $"{kind} beyond the end of the file: {Result(beyond)}, {scene.FoliosInUse - before} folios stay behind";
        }

        return null;
    }

    private static string? UnloadAndClose(DesignSubject subject)
    {
        RegisterModes modes = ModesOf(subject, shared: true).FirstOrDefault();
        if (modes == RegisterModes.None) return null;
        using DesignScene scene = subject.NewScene(shared: true);
        ModuleTable table = new();
        table.Load(scene.File.Module, lax: true);
        _ = scene.Register(modes);
        Access access = scene.Touch(1, 0);
        if (Unloads(table, scene)) return "the module is unloaded while a mapping is registered";
        scene.CloseContext();
        if (!access.IsFinished) return "a thread sleeps on after the last close";
        if (Unloads(table, scene)) return "the module is unloaded while its memory is mapped";
        scene.Unmap();
        return Unloads(table, scene) ? null : "the module cannot be unloaded although nothing maps its memory";
    }

    private static string? PrivateCopyKeepsCache(DesignSubject subject)
    {
        if (!subject.Module.Facts.AllowsPrivate) return null;
        RegisterModes modes = ModesOf(subject, shared: false).FirstOrDefault(m => (m & RegisterModes.Missing) != 0);
        if (modes == RegisterModes.None) return null;
        using DesignScene scene = subject.NewScene(shared: false);
        _ = scene.File.EnsurePage(1);
        CacheSlot cached = scene.File.SlotAt(1);
        _ = scene.Register(modes);
        foreach (long page in new[] { 0L, 1L })
        {
            CacheSlot before = page == 0 ? scene.File.SlotAt(0) : cached;
            byte[] was = ContentOf(before);
            Fill fill = scene.Fill(FillKind.Copy, page);
            if (scene.File.SlotAt(page) != before) return $"private COPY gives {Result(fill)} and changes the cache";
            if (!was.AsSpan().SequenceEqual(ContentOf(before))) return "private COPY writes into the cached page";
        }

        byte[] ContentOf(CacheSlot slot)
        {
            byte[] content = new byte[slot.IsPresent ? scene.Page : 0];
            if (slot.IsPresent) scene.File.Store.CopyOut(slot.Folio, 0, content);
            return content;
        }

        return null;
    }

    private static string? FreshPagesAreZeros(DesignSubject subject)
    {
        foreach (bool shared in Sharing(subject.Module))
        {
            using DesignScene scene = subject.NewScene(shared);
            if (scene.Mapped != Errno.None) continue;
            // Memory that has its content from the start has no holes.
            long hole = FirstHole(scene);
            if (hole < 0) continue;
            _ = scene.Touch(1, hole);
            CacheSlot made = scene.File.SlotAt(hole);
            if (!made.IsPresent) continue;
            byte[] content = new byte[scene.Page];
            scene.File.Store.CopyOut(made.Folio, 0, content);
            int at = content.AsSpan().IndexOfAnyExcept((byte)0);
            if (at >= 0) return $"{Text(shared)}: a read of a hole makes a page whose byte {at} is 0x{content[at]:x2}; zeros are due";
        }

        return null;
    }

    /// <summary>The mode sets that REGISTER accepts, found by trying each.</summary>
    public static IEnumerable<RegisterModes> ModesOf(DesignSubject subject, bool shared)
    {
        for (RegisterModes modes = RegisterModes.Missing; modes <= RegisterModes.All; modes++)
        {
            using DesignScene scene = subject.NewScene(shared);
            if (scene.Mapped == Errno.None && scene.Register(modes).Error == Errno.None) yield return modes;
        }
    }

    /// <summary>The fills that a mapping accepts, found by trying each where it should work.</summary>
    public static IEnumerable<FillKind> FillsOf(DesignSubject subject, bool shared, RegisterModes modes) =>
        Fills.Where(kind => Try(subject, shared, modes, kind) is null);

    private static string? Try(DesignSubject subject, bool shared, RegisterModes modes, FillKind kind)
    {
        using DesignScene scene = subject.NewScene(shared);
        long page = kind == FillKind.Continue ? 1 : FirstHole(scene);
        if (page < 0) return null;
        if (kind == FillKind.Continue) _ = scene.File.EnsurePage(page);
        _ = scene.Register(modes);
        Fill fill = scene.Fill(kind, page);
        return fill.Error == Errno.None
            ? null
            : $"{Text(shared)}, {Letters(modes)}: {Name(kind)} is advertised and gives {Result(fill)}{WithoutModes}";
    }

    private static bool Unloads(ModuleTable table, DesignScene scene)
    {
        try
        {
            table.Unload(scene.File.Module.Facts.Name, _ => scene.UsesModule);
            return true;
        }
        catch (ModuleException)
        {
            return false;
        }
    }

    /// <summary>The first page that is not in the cache; -1 if there is none.</summary>
    public static long FirstHole(DesignScene scene)
    {
        for (long page = 0; page < DesignScene.Pages; page++)
        {
            if (!scene.File.SlotAt(page).IsPresent) return page;
        }

        return -1;
    }

    /// <summary>The kinds of mapping that a module allows: true for shared.</summary>
    public static bool[] Sharing(MemoryModule module) => module.Facts.AllowsPrivate ? [true, false] : [true];

    private static UffdIoctls BitOf(FillKind kind) => kind switch
    {
        FillKind.Copy => UffdIoctls.Copy,
        FillKind.ZeroPage => UffdIoctls.ZeroPage,
        FillKind.Continue => UffdIoctls.Continue,
        _ => UffdIoctls.Poison,
    };

    public static string Name(FillKind kind) => kind.ToString().ToUpperInvariant();

    /// <summary>A kind of mapping in a report.</summary>
    public static string Text(bool shared) => shared ? "shared" : "private";

    private static string Letters(RegisterModes modes) => Cells.Cell.LettersOf(modes);

    private static string Result(Fill fill) => fill.Error == Errno.None ? "0" : fill.Error.ToString();
}
