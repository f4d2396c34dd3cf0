using CsCheck;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Tests;

/// <summary>Physical memory of every kind.</summary>
public class FolioStoreTests
{
    [Fact]
    public void Runs_hold_the_same_bytes_as_bytes()
    {
        Gen<(int Kind, int Offset, int Length, byte Value)> step =
            Gen.Select(Gen.Int[0, 2], Gen.Int[0, 63], Gen.Int[1, 40], Gen.Byte[0, 3]);
        step.List[1, 25].Sample(steps =>
        {
            using RunFolios runs = new(64);
            byte[] model = new byte[64];
            uint folio = runs.AllocateZeroed();
            uint other = runs.AllocateFrom(FillSource.Stamp(3));
            runs.WriteByte(other, 10, 1);
            byte[] otherBytes = new byte[64];
            runs.CopyOut(other, 0, otherBytes);
            foreach ((int kind, int offset, int wanted, byte value) in steps)
            {
                int length = Math.Min(wanted, 64 - offset);
                switch (kind)
                {
                    case 0:
                        runs.WriteByte(folio, offset, value);
                        model[offset] = value;
                        break;
                    case 1:
                        runs.CopyPart(ref folio, offset, runs, other, 64 - offset - length, length);
                        otherBytes.AsSpan(64 - offset - length, length).CopyTo(model.AsSpan(offset));
                        break;
                    default:
                        runs.CopyPart(ref folio, offset, runs, FolioStore.None, 0, length);
                        model.AsSpan(offset, length).Clear();
                        break;
                }
            }

            byte[] actual = new byte[64];
            runs.CopyOut(folio, 0, actual);
            Assert.Equal(model, actual);
            IReadOnlyList<(int Start, byte Value)> list = runs.RunsOf(folio);
            for (int i = 1; i < list.Count; i++) Assert.True(list[i - 1].Start < list[i].Start && list[i - 1].Value != list[i].Value);
        });
    }

    [Fact]
    public void A_freed_folio_is_used_again_and_an_empty_store_says_none()
    {
        using ByteFolios store = new(PageSize.Base, 2);
        uint first = store.AllocateZeroed();
        uint second = store.AllocateZeroed();
        Assert.Equal(FolioStore.None, store.AllocateZeroed());
        store.Free(second);
        Assert.Equal(second, store.AllocateZeroed());
        Assert.Equal(2, store.InUse);
        Assert.NotEqual(first, second);
    }

    [Fact]
    public void A_folio_of_zeros_is_zeros_even_after_use()
    {
        using ByteFolios store = new(PageSize.Base, 1);
        uint folio = store.AllocateFrom(FillSource.Stamp(0xFFFF_FFFF));
        store.Free(folio);
        folio = store.AllocateZeroed();
        byte[] bytes = new byte[PageSize.Base];
        store.CopyOut(folio, 0, bytes);
        Assert.All(bytes, b => Assert.Equal(0, b));
    }

    [Fact]
    public void A_shared_folio_is_freed_with_its_last_owner()
    {
        using ByteFolios store = new(PageSize.Base, 1);
        uint folio = store.AllocateZeroed();
        store.Share(folio);
        store.Free(folio);
        Assert.False(store.IsShared(folio));
        Assert.Equal(1, store.InUse);
        store.Free(folio);
        Assert.Equal(0, store.InUse);
    }

    [Fact]
    public void Stamps_say_where_a_page_came_from_and_are_never_zero()
    {
        for (ulong page = 0; page < 5000; page++) Assert.InRange(StampFolios.StampOf(page), 1u, StampFolios.MaxStamp);
    }
}
