using CsCheck;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Tests;

/// <summary>Range and VMA arithmetic against a naive model that keeps everything page by page.</summary>
public class RangeAndMapTests
{
    private const int Pages = 24;

    private static readonly Gen<PageRange> Range =
        Gen.Select(Gen.Long[0, 60], Gen.Long[0, 60], (a, b) => new PageRange(Math.Min(a, b), Math.Max(a, b)));

    [Fact]
    public void Intersection_is_what_both_contain() => Gen.Select(Range, Range, Gen.Long[-2, 62]).Sample((a, b, page) =>
    {
        Assert.Equal(a.Contains(page) && b.Contains(page), a.Intersect(b).Contains(page));
        Assert.Equal(!a.Intersect(b).IsEmpty, a.Intersects(b) && !a.IsEmpty && !b.IsEmpty);
    });

    [Fact]
    public void Any_sequence_of_map_calls_leaves_ordered_VMAs_that_say_what_each_page_is()
    {
        Gen<(int Kind, int At, int Count)> step = Gen.Select(Gen.Int[0, 5], Gen.Int[0, Pages - 1], Gen.Int[1, 8]);
        step.List[1, 30].Sample(steps =>
        {
            using Scene scene = new();
            UserfaultContext context = scene.Open();
            (Prot Prot, RegisterModes Modes)?[] model = new (Prot, RegisterModes)?[Pages + 8];
            foreach ((int kind, int at, int count) in steps) Apply(scene, context, model, kind, at, count);

            Vma[] vmas = scene.Mm.Map.Vmas.ToArray();
            for (int i = 1; i < vmas.Length; i++) Assert.True(vmas[i - 1].Range.End <= vmas[i].Range.Start);
            for (int page = 0; page < model.Length; page++)
            {
                Vma? vma = scene.Mm.Map.Find(PageSize.PageOf(Scene.At(page)));
                Assert.Equal(model[page], vma is null ? null : (vma.Prot, vma.Modes));
                Assert.Equal(vma is { Modes: not RegisterModes.None }, vma?.Context is not null);
            }

            // Equal neighbours are one VMA: nothing has private pages here, so nothing may keep them apart.
            for (int i = 1; i < vmas.Length; i++)
                Assert.False(VmaMerge.CanMerge(vmas[i - 1], vmas[i]), $"{vmas[i - 1]} and {vmas[i]} were not merged");
            Assert.Equal(vmas.Length, vmas.Select(v => v.Owner).Distinct().Count());
        });
    }

    [Fact]
    public void Unregistering_thousands_of_VMAs_copies_the_map_once_and_not_for_each()
    {
        const int Many = 4000;
        using Scene scene = new();
        UserfaultContext context = scene.Open();
        scene.Map(Many);
        Assert.Equal(Errno.None, scene.Register(context, RegisterModes.Missing, 0, Many).Error);
        for (int page = 1; page < Many; page += 2)
            Assert.Equal(Errno.None, scene.Kernel.Run(new Unregister(scene.Main, context, Scene.At(page), Scene.Page)).Error);
        Assert.Equal(Many, scene.Mm.Map.Vmas.Length);

        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(Errno.None, scene.Kernel.Run(new Unregister(scene.Main, context, Scene.At(0), Many * Scene.Page)).Error);

        // For each it would be 64 KB.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Many * 4096L);
        Assert.Equal(1, scene.Mm.Map.Vmas.Length);
    }

    private static void Apply(Scene scene, UserfaultContext context, (Prot Prot, RegisterModes Modes)?[] model, int kind, int at, int count)
    {
        ulong address = Scene.At(at);
        ulong length = (ulong)count * Scene.Page;
        Span<(Prot Prot, RegisterModes Modes)?> part = model.AsSpan(at, count);
        switch (kind)
        {
            case 0 or 1:
                // All with the same protection, so that accounting does not keep neighbours apart.
                scene.Map(count, address: address);
                part.Fill((Prot.ReadWrite, RegisterModes.None));
                break;
            case 2:
                Assert.Equal(Errno.None, scene.Kernel.Run(new UnmapMemory(scene.Main, address, length)).Error);
                part.Clear();
                break;
            case 3:
                bool any = part.ToArray().Any(p => p is not null);
                Register register = scene.Register(context, RegisterModes.Missing, at, count);
                Assert.Equal(any ? Errno.None : Errno.EINVAL, register.Error);
                SetModes(part, modes => (modes & RegisterModes.Missing) != 0 ? modes : RegisterModes.Missing);
                break;
            case 4:
                register = scene.Register(context, RegisterModes.Missing | RegisterModes.WriteProtect, at, count);
                SetModes(part, _ => RegisterModes.Missing | RegisterModes.WriteProtect);
                break;
            default:
                _ = scene.Kernel.Run(new Unregister(scene.Main, context, address, length));
                SetModes(part, _ => RegisterModes.None);
                break;
        }
    }

    private static void SetModes(Span<(Prot Prot, RegisterModes Modes)?> part, Func<RegisterModes, RegisterModes> change)
    {
        for (int i = 0; i < part.Length; i++)
        {
            if (part[i] is { } page) part[i] = (page.Prot, change(page.Modes));
        }
    }
}
