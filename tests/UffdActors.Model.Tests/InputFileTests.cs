using System.Diagnostics;
using UffdActors.Model.Inputs;

namespace UffdActors.Model.Tests;

public sealed class InputFileTests : IDisposable
{
    private const long Limit = 1 << 20;
    private readonly string _folder = Directory.CreateTempSubdirectory("uffd-input-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_file_is_read_whole()
    {
        Assert.Equal("one\ntwo", InputFile.ReadText(Write("one\ntwo"), Limit));
        Assert.Equal(["one", "two"], InputFile.ReadLines(Write("one\ntwo"), Limit));
        Assert.Empty(InputFile.ReadText(Write(""), Limit));
        Assert.Empty(InputFile.ReadLines(Write(""), Limit));
    }

    [Fact]
    public void A_file_that_shrinks_under_its_reader_is_an_error_and_no_zeros()
    {
        string path = Write(new string('x', 10_000));
        using InputFile file = InputFile.Open(path);
        Resize(path, 5_000);

        InputFileException error = Assert.Throws<InputFileException>(() => file.Read(0, new byte[10_000]));
        Assert.Equal("it changed while it was read, from 10,000 bytes to 5,000", error.Message);
    }

    [Theory]
    [InlineData("it changed while it was read, from 10,000 bytes to 20,000", 20_000L)]
    [InlineData("it changed while it was read, from 10,000 bytes to 5,000", 5_000L)]
    [InlineData("it was written to, or its attributes were changed, while it was read", 5_000L, 10_000L)]
    public void A_file_that_is_another_one_at_the_end_is_an_error(string says, params long[] sizes)
    {
        string path = Write(new string('x', 10_000));
        DateTime written = File.GetLastWriteTimeUtc(path);
        using InputFile file = InputFile.Open(path);
        file.Read(0, new byte[5_000]);
        foreach (long size in sizes) Resize(path, size);
        // Whoever hides a change of content cannot hide that there was one.
        File.SetLastWriteTimeUtc(path, written);

        Assert.Equal(says, Assert.Throws<InputFileException>(file.CheckUnchanged).Message);
    }

    /// <summary>A hole is never read, so nothing else would notice that it had content.</summary>
    [Fact]
    public void A_file_that_changes_while_its_holes_are_looked_for_has_none_that_count()
    {
        string path = Write(new string('x', 10_000));
        Resize(path, 1 << 20);
        using InputFile file = InputFile.Open(path);
        using IEnumerator<(long Offset, long Bytes)> stored = file.Stored().GetEnumerator();
        Assert.True(stored.MoveNext());
        Assert.Equal(0, stored.Current.Offset);
        Resize(path, 5_000);
        Resize(path, 1 << 20);

        _ = Assert.Throws<InputFileException>(() =>
        {
            while (stored.MoveNext())
            {
                // To the end.
            }
        });
    }

    [Fact]
    public void What_is_in_memory_is_read_without_waiting_and_a_short_read_is_none()
    {
        string path = Write(new string('x', 10_000));
        InputFile file = InputFile.Open(path);
        byte[] room = new byte[5_000];
        file.Read(5_000, room);
        room.AsSpan().Clear();
        bool isThere = file.TryReadCached(5_000, room);
        Assert.Equal(isThere ? 5_000 : 0, room.Count(b => b == 'x'));
        Assert.False(file.TryReadCached(5_001, room));
        file.Dispose();
        Assert.False(file.TryReadCached(0, room));
    }

    [Theory]
    [InlineData(100)]
    [InlineData(2_000_000)]
    public void Lines_of_a_file_that_changes_end_in_an_error(long size)
    {
        string path = Write(string.Concat(Enumerable.Repeat("a line\n", 100_000)));
        using IEnumerator<string> lines = InputFile.ReadLines(path, Limit).GetEnumerator();
        Assert.True(lines.MoveNext());
        Resize(path, size);

        _ = Assert.Throws<InputFileException>(() =>
        {
            while (lines.MoveNext())
            {
                // To the end.
            }
        });
    }

    [Theory]
    [InlineData("/dev/zero", "it is a character device, not a regular file")]
    [InlineData("/tmp", "it is a folder, not a regular file")]
    [InlineData("/nowhere/file", "there is no such file")]
    [InlineData("a\0b", "its name holds a NUL")]
    public void What_is_no_regular_file_is_not_opened(string path, string says) =>
        Assert.Equal(says, Assert.Throws<InputFileException>(() => InputFile.Open(path)).Message);

    [Fact]
    public void A_pipe_that_nobody_writes_to_is_refused_and_not_waited_for()
    {
        string path = Path.Combine(_folder, "pipe");
        using (Process make = Process.Start("mkfifo", path)) make.WaitForExit();

        Assert.Equal("it is a pipe, not a regular file", Assert.Throws<InputFileException>(() => InputFile.ReadText(path, Limit)).Message);
    }

    [Fact]
    public void Links_are_followed_to_a_file_and_refused_without_one()
    {
        string Link(string name, string target) => File.CreateSymbolicLink(Path.Combine(_folder, name), target).FullName;

        Assert.Equal("x", InputFile.ReadText(Link("good", Write("x")), Limit));
        Assert.Equal(
            "it is a link to \"nothing\", where there is no file",
            Assert.Throws<InputFileException>(() => InputFile.Open(Link("dangling", "nothing"))).Message);
        Assert.Equal("its links lead in a circle", Assert.Throws<InputFileException>(() => InputFile.Open(Link("loop", "loop"))).Message);
    }

    [Fact]
    public void A_file_over_the_limit_is_not_read() =>
        Assert.Equal(
            "it has 11 bytes; 10 are the limit", Assert.Throws<InputFileException>(() => InputFile.Open(Write("eleven byte"), 10)).Message);

    [Theory]
    [InlineData("a\0b", "it is no text: it holds a NUL")]
    [InlineData("\u00ff", "it is no text: it holds bytes that are not UTF-8")]
    public void What_is_no_text_is_refused_as_one(string latin, string says)
    {
        string path = Path.Combine(_folder, "text");
        File.WriteAllBytes(path, System.Text.Encoding.Latin1.GetBytes(latin));

        Assert.Equal(says, Assert.Throws<InputFileException>(() => InputFile.ReadText(path, Limit)).Message);
        Assert.Equal(says, Assert.Throws<InputFileException>(() => InputFile.ReadLines(path, Limit).ToList()).Message);
    }

    private string Write(string text)
    {
        string path = Path.Combine(_folder, "input");
        File.WriteAllText(path, text);
        return path;
    }

    private static void Resize(string path, long bytes)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        file.SetLength(bytes);
    }
}
