using System.Collections.Concurrent;
using System.Net.Sockets;

namespace UffdActors.Serve.Tests;

/// <summary>The socket, and what may be in its place.</summary>
[System.Runtime.Versioning.SupportedOSPlatform("linux")]
public sealed class ListenerTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("uffd-listen-");

    private string Place => Path.Combine(_folder.FullName, "socket");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_socket_that_nobody_listens_at_any_more_is_replaced_and_goes_with_the_listener()
    {
        string made = Path.Combine(_folder.FullName, "made");
        using (Socket stale = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            stale.Bind(new UnixDomainSocketEndPoint(made));
            // Its owner removes what it has bound, by name: under another it stays.
            File.Move(made, Place);
        }

        using (HandOverListener listener = HandOverListener.Open(Place))
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Place));
            ServeException refused = Assert.Throws<ServeException>(() => HandOverListener.Open(Place));
            Assert.Equal($"Socket \"{Place}\": another process listens there; stop it, or use another path.", refused.Message);
        }

        Assert.False(File.Exists(Place));
    }

    [Fact]
    public void The_file_is_there_only_when_it_is_listened_at()
    {
        using FileSystemWatcher watcher = new(_folder.FullName) { EnableRaisingEvents = true };
        using BlockingCollection<string> events = [];
        watcher.Created += (_, what) => events.Add("created " + what.Name);
        watcher.Renamed += (_, what) => events.Add("renamed to " + what.Name);
        // The longest path that there is has room too.
        string path = Place + new string('x', HandOverListener.MaxPathBytes - Place.Length);
        using HandOverListener listener = HandOverListener.Open(path);
        string next;
        do Assert.True(events.TryTake(out next!, ServeScene.Deadline));
        while (!next.EndsWith(Path.GetFileName(path), StringComparison.Ordinal));
        Assert.StartsWith("renamed to", next, StringComparison.Ordinal);
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.FullName));
    }

    [Fact]
    public void What_is_no_socket_is_left_alone()
    {
        File.WriteAllText(Place, "mine");
        Assert.Contains(
            "there is a file that is no socket", Assert.Throws<ServeException>(() => HandOverListener.Open(Place)).Message,
            StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(Place));
        Assert.Contains(
            "is a folder", Assert.Throws<ServeException>(() => HandOverListener.Open(_folder.FullName)).Message, StringComparison.Ordinal);
        Assert.Contains(
            "cannot listen there", Assert.Throws<ServeException>(() => HandOverListener.Open(Place + "/in")).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_path_that_the_kernel_does_not_take_is_refused_with_its_length()
    {
        string path = Place + new string('x', HandOverListener.MaxPathBytes);
        Assert.Contains(
            $"has {path.Length} bytes; the kernel takes 107 at most",
            Assert.Throws<ServeException>(() => HandOverListener.Open(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_others_can_enter_is_told_of()
    {
        using HandOverListener listener = HandOverListener.Open(Place);
        File.SetUnixFileMode(_folder.FullName, (UnixFileMode)Convert.ToInt32("755", 8));
        Assert.Contains("mode 755", listener.Advice, StringComparison.Ordinal);
        File.SetUnixFileMode(_folder.FullName, (UnixFileMode)Convert.ToInt32("700", 8));
        Assert.Null(listener.Advice);
    }
}
