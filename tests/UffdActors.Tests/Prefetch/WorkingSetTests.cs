using UffdActors.Handling;
using UffdActors.Model.Inputs;

namespace UffdActors.Tests.Prefetch;

/// <summary>A recorded working set: in memory, and as a file.</summary>
public sealed class WorkingSetTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("uffd-working-set-").FullName;

    private string File => Path.Combine(_folder, "set");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_is_written_is_what_is_read()
    {
        WorkingSet set = new(100, [7, 8, 9, 3, 99, 0]);
        set.Save(File);
        WorkingSet read = WorkingSet.Read(File);
        Assert.Equal(100, read.RegionPages);
        Assert.Equal([7L, 8, 9, 3, 99, 0], read.Pages);
        Assert.Equal("uffd working set 1\npages 100\n7+3\n3\n99\n0\n", System.IO.File.ReadAllText(File));
        Assert.Equal([File], Directory.GetFiles(_folder));
    }

    [Theory]
    [InlineData("", "line 1")]
    [InlineData("uffd working set 2\npages 4\n", "line 1")]
    [InlineData("uffd working set 1\n", "line 2")]
    [InlineData("uffd working set 1\npages -4\n", "line 2")]
    [InlineData("uffd working set 1\npages 4\n1\nx\n", "line 4 is no page")]
    [InlineData("uffd working set 1\npages 4\n1+\n", "line 3 is no page")]
    [InlineData("uffd working set 1\npages 4\n1+0\n", "line 3 is no page")]
    [InlineData("uffd working set 1\npages 4\n\n1\n", "line 3 is no page")]
    [InlineData("uffd working set 1\npages 4\n4\n", "line 3 is not within the 4 pages")]
    [InlineData("uffd working set 1\npages 4\n2+3\n", "line 3 is not within the 4 pages")]
    [InlineData("uffd working set 1\npages 9\n0+9223372036854775807\n", "line 3 is not within the 9 pages")]
    [InlineData("uffd working set 1\npages 4\n1+2\n2\n", "line 4 has page 2 again")]
    public void What_is_no_working_set_is_refused_with_its_line(string text, string says)
    {
        System.IO.File.WriteAllText(File, text);
        InputFileException refused = Assert.Throws<InputFileException>(() => WorkingSet.Read(File));
        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
        Assert.Contains(File, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        Assert.Contains(File, Assert.Throws<InputFileException>(() => WorkingSet.Read(File)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(-1)]
    public void A_page_outside_the_region_is_refused(long page) => Assert.Throws<ArgumentException>(() => new WorkingSet(4, [page]));

    [Fact]
    public void A_page_that_comes_twice_is_refused() => Assert.Throws<ArgumentException>(() => new WorkingSet(4, [1, 1]));

    [Fact]
    public void First_touches_are_kept_once_each_in_order_however_many()
    {
        FirstTouches touches = new(20_000);
        touches.Note(19_999, 1);
        for (long page = 9_000; page >= 0; page -= 2) touches.Note(page, 2);
        touches.Note(19_999, 1);
        WorkingSet set = touches.Snapshot();
        Assert.Equal(20_000, set.RegionPages);
        Assert.Equal(9_003, set.Pages.Count);
        Assert.Equal([19_999L, 9_000, 9_001, 8_998], set.Pages.Take(4));
    }
}
