using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Tests.Profiles;

/// <summary>
/// Huge pages of a module other than hugetlb: core fills them, by the masks of the module's table (SEMANTICS 7.2.7, 7.3.6).
/// </summary>
public class HugeModuleTests
{
    private const long Stride = 512;

    [Theory]
    [InlineData("seed")]
    [InlineData("linux-7.1")]
    public void It_is_registered_in_its_own_modes_and_in_no_other(string profile)
    {
        for (RegisterModes modes = RegisterModes.Missing; modes <= RegisterModes.All; modes++)
        {
            using Scene scene = NewScene(profile);
            Errno error = scene.Register(scene.Open(), modes, pages: 2, stride: Stride).Error;
            Assert.Equal((modes & RegisterModes.Minor) == 0 ? Errno.None : Errno.EINVAL, error);
        }
    }

    [Theory]
    [InlineData("seed")]
    [InlineData("linux-7.1")]
    public void It_is_filled_by_its_own_ioctls_and_by_no_other(string profile)
    {
        using Scene scene = NewScene(profile);
        UserfaultContext context = scene.Open();
        _ = scene.Register(context, RegisterModes.Missing, pages: 2, stride: Stride);
        foreach (FillKind kind in new[] { FillKind.ZeroPage, FillKind.Continue, FillKind.Poison })
        {
            Fill refused = scene.Fill(context, kind, pages: Stride);
            Assert.Equal((Errno.EINVAL, -(long)Errno.EINVAL), (refused.Error, refused.Out));
        }

        Assert.Equal(Errno.None, scene.Fill(context, FillKind.Copy, pages: Stride).Error);
    }

    private static Scene NewScene(string profile)
    {
        Scene scene = new(KernelProfile.Find(profile)!);
        // In pages of the file.
        scene.Map(2, scene.NewFile(new HugeModule(), 2));
        return scene;
    }

    private sealed class HugeModule : MemoryModule, IVmUffdOps
    {
        public override string Name => "huge";

        public override int PageShift => PageSize.HugeShift;

        public override IVmUffdOps Ops => this;

        public RegisterModes Features => RegisterModes.Missing | RegisterModes.WriteProtect;

        public UffdIoctls Ioctls => UffdIoctls.Copy | UffdIoctls.WriteProtect;

        public bool HasGetFolio => false;

        public bool HasCopy => false;

        public Errno GetFolio(MemoryFile file, long index, out uint folio) => throw new InvalidOperationException();

        public Errno Copy(in CopyRequest request, ref uint folio) => throw new InvalidOperationException();
    }
}
