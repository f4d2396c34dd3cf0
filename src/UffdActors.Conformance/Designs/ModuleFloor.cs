using UffdActors.Model;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Files;
using UffdActors.Model.Operations.Filling;

namespace UffdActors.Conformance.Designs;

/// <summary>
/// The least that must have been carried out on a module before it can be said to pass: most checks pass over what a module refuses, so
/// one that refuses everything breaks none of them.
/// </summary>
internal static class ModuleFloor
{
    /// <summary>The floor as a check, after those of the study.</summary>
    public static DesignCheck Check { get; } =
        new("C9", "its memory can be mapped, read and registered, and each fill that the table offers succeeds", false, Unmet);

    private static string? Unmet(DesignSubject subject)
    {
        if (subject.Module.Facts.FolioOps is null) return "it has no operations table, so that none of its memory can be registered";
        foreach (bool shared in DesignCheck.Sharing(subject.Module))
        {
            using DesignScene scene = subject.NewScene(shared);
            if (scene.Mapped != Errno.None) return $"{DesignCheck.Text(shared)}: mmap gives {scene.Mapped}";
            AccessOutcome outcome = scene.Touch(1, 0).Outcome;
            if (outcome != AccessOutcome.Ok) return $"{DesignCheck.Text(shared)}: an ordinary read of page 0 ends with {outcome}";
        }

        RegisterModes[] accepted = [.. DesignCheck.ModesOf(subject, shared: true)];
        if (accepted.Length == 0) return "REGISTER takes no mode, so that nothing can be filled";
        return Offered(subject, accepted).Select(kind => Unfilled(subject, accepted, kind)).FirstOrDefault(problem => problem is not null);
    }

    // Fills that end in a hook of the module; POISON does not.
    private static IEnumerable<FillKind> Offered(DesignSubject subject, RegisterModes[] accepted)
    {
        bool isMerged = subject.Profile.Shape == OpsShape.Merged;
        UffdIoctls ioctls = subject.Module.Facts.Ioctls;
        bool makes = isMerged ? subject.Module.Facts.HasAllocateFolio : (ioctls & UffdIoctls.Copy) != 0;
        if (makes && Takes(RegisterModes.Missing)) yield return FillKind.Copy;
        if ((isMerged ? makes : (ioctls & UffdIoctls.ZeroPage) != 0) && Takes(RegisterModes.Missing)) yield return FillKind.ZeroPage;
        if ((isMerged || (ioctls & UffdIoctls.Continue) != 0) && Takes(RegisterModes.Minor)) yield return FillKind.Continue;

        bool Takes(RegisterModes mode) => accepted.Any(modes => (modes & mode) != 0);
    }

    private static string? Unfilled(DesignSubject subject, RegisterModes[] accepted, FillKind kind)
    {
        RegisterModes mode = kind == FillKind.Continue ? RegisterModes.Minor : RegisterModes.Missing;
        using DesignScene scene = subject.NewScene(shared: true);
        long page = kind == FillKind.Continue ? 0 : HoleOf(scene);
        if (page < 0) return $"{DesignCheck.Name(kind)} is offered, and the memory has no hole and takes none, so that it was not tried";
        if (kind == FillKind.Continue) _ = scene.File.EnsurePage(page);
        _ = scene.Register(accepted.Last(modes => (modes & mode) != 0));
        Fill fill = scene.Fill(kind, page);
        // Huge pages have no ZEROPAGE, whatever the table says.
        if (kind == FillKind.ZeroPage && fill.Error == Errno.EINVAL && scene.Page != PageSize.Base) return null;
        return fill.Error == Errno.None ? null : $"{DesignCheck.Name(kind)} is offered and gives {fill.Error}{DesignCheck.WithoutModes}";
    }

    private static long HoleOf(DesignScene scene)
    {
        if (DesignCheck.FirstHole(scene) is >= 0 and var hole) return hole;
        _ = scene.Run(new PunchHole(scene.Main, scene.File, 0, (long)scene.Page));
        return DesignCheck.FirstHole(scene);
    }
}
