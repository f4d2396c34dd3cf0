using UffdActors.Model.Inputs;

namespace UffdActors.PostCopy.Tests;

public class ImageTests
{
    [Fact]
    public void A_size_and_a_seed_give_the_same_bytes_and_another_seed_others()
    {
        using GuestImage one = GuestImage.Make(9 << 20, 5);
        using GuestImage again = GuestImage.Make(9 << 20, 5);
        using GuestImage other = GuestImage.Make(9 << 20, 6);

        Assert.Equal(Bytes(one), Bytes(again));
        Assert.NotEqual(Bytes(one), Bytes(other));
    }

    [Fact]
    public void A_made_image_has_pages_of_zeros_of_one_word_and_of_random_bytes()
    {
        using GuestImage image = GuestImage.Make(16 << 20, 1);
        int zero = 0, repeated = 0, random = 0;
        byte[] bytes = new byte[4096];
        for (long page = 0; page < image.Pages; page++)
        {
            image.ReadPage(page, bytes);
            if (image.IsZero(page)) zero++;
            else if (bytes.AsSpan(8).SequenceEqual(bytes.AsSpan(0, 4088))) repeated++;
            else random++;
        }

        Assert.All([zero, repeated, random], pages => Assert.InRange(pages, image.Pages / 5, image.Pages / 2));
    }

    [Fact]
    public void A_file_is_rounded_up_to_pages_with_zeros()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, [.. Enumerable.Repeat((byte)7, 5000)]);
            using GuestImage image = GuestImage.FromFile(path);

            Assert.Equal(2, image.Pages);
            byte[] last = Bytes(image)[4096..];
            Assert.All(last[..904], b => Assert.Equal(7, b));
            Assert.All(last[904..], b => Assert.Equal(0, b));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData(3 << 20, 1L << 20)]
    [InlineData(3 << 20, 4L << 20)]
    [InlineData(3 << 20, 1L << 20, 3L << 20)]
    public void A_file_that_changes_while_it_is_read_is_no_image(int bytes, params long[] sizes)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, [.. Enumerable.Repeat((byte)7, bytes)]);
            using InputFile file = InputFile.Open(path);
            using GuestImage image = GuestImage.FromFile(file, path);
            using (FileStream writer = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            {
                foreach (long size in sizes) writer.SetLength(size);
            }

            ImageException changed = Assert.Throws<ImageException>(() => image.ReadAll());
            Assert.Contains("while it was read", changed.Message, StringComparison.Ordinal);
            Assert.True(image.Broken.IsCancellationRequested);
            // Its holes are not told of either.
            _ = Assert.Throws<InputFileException>(() => GuestImage.FromFile(file, path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Holes_of_a_file_are_zeros_and_are_not_read()
    {
        string path = Path.GetTempFileName();
        try
        {
            // 14 GiB of which two parts are stored.
            using (FileStream file = new(path, FileMode.Open, FileAccess.Write))
            {
                file.SetLength(14L << 30);
                file.Write([1, 2, 3, 4, 5, 6, 7, 8]);
                file.Position = (9L << 30) + 4096;
                file.WriteByte(9);
            }

            using GuestImage image = GuestImage.FromFile(path);
            Assert.Equal((14L << 30) >> 12, image.Pages);
            Assert.Equal(32, image.StoredPages);
            Assert.Equal(0x0807060504030201UL, image.WordAt(0, 0));
            Assert.True(image.IsZero(1));
            Assert.False(image.IsZero((9L << 18) + 1));
            Assert.True(image.IsZero((9L << 18) + 2));
            Assert.True(image.IsZero(image.Pages - 1));
            byte[] page = new byte[4096];
            page.AsSpan().Fill(7);
            image.ReadPage(5L << 18, page);
            Assert.All(page, b => Assert.Equal(0, b));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task A_file_that_is_cut_while_the_guest_runs_ends_the_migration_and_is_not_verified()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, [.. Enumerable.Repeat((byte)7, 4 << 20)]);
            using GuestImage image = GuestImage.FromFile(path);
            using (FileStream writer = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite)) writer.SetLength(1 << 20);
            ImageException flaw = await Assert.ThrowsAsync<ImageException>(
                () => Migrations.RunAsync("fault-loop", new PostCopyOptions { Image = image, Accesses = 10_000 }));
            Assert.Contains("changed while it was read", flaw.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task A_source_of_a_file_that_was_cut_fails_the_pages_that_cannot_be_read()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, [.. Enumerable.Repeat((byte)7, 1 << 20)]);
            using GuestImage image = GuestImage.FromFile(path);
            using (FileStream writer = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite)) writer.SetLength(0);
            using ImageSource source = new(image);
            await using UffdRuntime runtime = UffdRuntime.Start();
            await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = image.Pages });
            GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = image.Pages });
            Userfault uffd = await vm.OpenAsync();
            _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
            await uffd.ServeAsync(new ServeOptions { Source = source });
            _ = await vm.StartVcpusAsync([new SyntheticWorkload(WorkloadKind.Sequential, image.Pages, 1, 0, 1, 0, 1)]);
            Incident lost = await vm.Incidents.ReadAsync();
            Assert.Contains("changed while it was read", lost.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task A_file_that_is_written_to_while_it_is_migrated_is_not_verified()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, [.. Enumerable.Repeat((byte)7, 1 << 20)]);
            using GuestImage image = GuestImage.FromFile(path);
            File.SetLastWriteTimeUtc(path, new DateTime(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc));
            ImageException flaw = await Assert.ThrowsAsync<ImageException>(
                () => Migrations.RunAsync("fault-loop", new PostCopyOptions { Image = image, Accesses = 10_000 }));
            Assert.Contains("was written to", flaw.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData(1, 512)]
    [InlineData(2 << 20, 512)]
    [InlineData((2 << 20) + 1, 1024)]
    public async Task A_size_is_rounded_up_to_the_destinations_pages_and_one_that_is_not_is_refused(long bytes, long pages)
    {
        using GuestImage image = GuestImage.Make(bytes, 1, 2 << 20);
        Assert.Equal(pages, image.Pages);
        using GuestImage odd = GuestImage.Make(5000, 1);
        ImageException refused = await Assert.ThrowsAsync<ImageException>(
            () => Migrations.RunAsync("fault-loop", new PostCopyOptions { Image = odd, Backend = "hugetlb" }));
        Assert.Contains("8,192 bytes is not a whole number of pages of 2,097,152 bytes", refused.Message, StringComparison.Ordinal);
    }

    private static byte[] Bytes(GuestImage image)
    {
        byte[] all = new byte[image.Bytes];
        for (long page = 0; page < image.Pages; page++) image.ReadPage(page, all.AsSpan((int)page * 4096));
        return all;
    }
}
