using UffdActors.Serve.Keeping;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Serve.Tests;

/// <summary>The state folder of a daemon, with files in it that no daemon has written like that.</summary>
public sealed class StateFolderTests : IDisposable
{
    private const string Region = """{"address":4096,"bytes":4096,"fileOffset":0,"pageBytes":4096,"registeredAs":null}""";
    private const string Guest =
        """{"version":1,"session":"a","number":1,"user":0,"dialect":"firecracker","modes":"missing","regions":[REGIONS],"files":[FILES]}""";

    private const string Session = """{"session":"a","socket":"/s","memory":"/m","diffs":[],"onFailure":"freeze","socketMode":"0600"}""";
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("uffd-state-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_file_of_the_same_length_that_was_written_to_is_another()
    {
        string path = Path.Combine(_folder.FullName, "memory");
        File.WriteAllBytes(path, new byte[4096]);
        FileMark mark = FileMark.Of(path);
        Assert.Null(mark.Flaw());
        File.SetLastWriteTimeUtc(path, DateTime.UnixEpoch);
        Assert.Equal(
            $"memory file \"{path}\" has been written to since the guest began (4096 bytes then, 4096 now)", mark.Flaw());
        File.Delete(path);
        Assert.Equal($"memory file \"{path}\" is gone", mark.Flaw());
    }

    /// <summary>Each is one sentence: the file, the place in it, and what to do.</summary>
    [SkippableTheory]
    [InlineData("a.session.json", "nonsense", "line 1: it is no JSON")]
    [InlineData("a.session.json", "", "line 1: it is no JSON")]
    [InlineData("a.session.json", "null", "the document is null")]
    [InlineData("a.session.json", "[]", "line 1: the document has a value of the wrong kind")]
    [InlineData("a.session.json", "{\n\"session\":\"a\",\"socket\":7}", "line 2: \"socket\" has a value of the wrong kind")]
    [InlineData("a.session.json", "{\"session\":\"a\"}", "it lacks the field 'socket', 'memory'")]
    [InlineData("a.session.json", """{"session":null,"socket":"/s","memory":"/m"}""", "\"session\" is null")]
    [InlineData("a.session.json", """{"session":"a","session":"a","socket":"/s","memory":"/m"}""", "the field \"session\" is there twice")]
    [InlineData("a.session.json", """{"session":"a","socket":"/s","memory":"/m","diffs":[null]}""", "diffs: \"null\" is no path")]
    [InlineData("a.session.json", """{"session":"a","socket":"/s","memory":"/m","socketMode":"999"}""", "socketMode: \"999\" lets nobody")]
    [InlineData("a.session.json", """{"session":"a","socket":"/s","memory":"/m","maxGuests":1e99}""", "\"maxGuests\" has a value of")]
    [InlineData("b.session.json", Session, "it is of session \"a\"")]
    [InlineData("a.session.json", "\0", "it is no text: it holds a NUL")]
    [InlineData("a.1.guest.json", Guest, "line 1: it is no JSON")]
    [InlineData("a.1.guest.json", """{"version":1}""", "it lacks the field 'session'")]
    [InlineData("a.1.guest.json", """{"version":2,"session":"a","number":1,"dialect":"d","regions":[],"files":[]}""", "version: it is 2")]
    [InlineData("a.2.guest.json", "GUEST", "it is of guest 1 of session \"a\"")]
    [InlineData("a.1.guest.json", "NO REGIONS", "The layout has no region")]
    [InlineData("a.1.guest.json", "NULL REGION", "regions: one of them is null")]
    [InlineData("a.1.guest.json", "NULL FILE", "files: one of them is null")]
    [InlineData("a.1.guest.json", "NEGATIVE", "regions: bytes of region 0 is -4096")]
    [InlineData("a.1.guest.json", "ODD", "has pages of 4095 bytes")]
    [InlineData("a.1.guest.json", "OVERLAP", "Regions 0 and 1 of the layout overlap")]
    public async Task A_file_that_is_damaged_is_told_of_in_one_sentence_and_the_daemon_begins(string name, string text, string why)
    {
        ThisKernel.Require();
        string path = Path.Combine(_folder.FullName, name);
        await File.WriteAllTextAsync(path, Content(text));

        string told = Assert.Single(await BeginAsync());

        Assert.Contains($"State file \"{path}\" cannot be used: ", told, StringComparison.Ordinal);
        Assert.Contains(why, told, StringComparison.Ordinal);
        Assert.EndsWith("put it back as it was, or remove it.", told, StringComparison.Ordinal);
        Assert.DoesNotContain("UffdActors.", told, StringComparison.Ordinal);
        Assert.DoesNotContain("Path:", told, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', told);
    }

    /// <summary>A pipe would be waited for, and a device read without end.</summary>
    [SkippableTheory]
    [InlineData("/dev/zero", "device, not a regular file")]
    [InlineData("/nowhere", "where there is no file")]
    public async Task What_is_no_file_is_not_read(string target, string why)
    {
        ThisKernel.Require();
        _ = File.CreateSymbolicLink(Path.Combine(_folder.FullName, "a.session.json"), target);
        Assert.Contains(why, Assert.Single(await BeginAsync()), StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_cannot_be_written_to_is_not_called_held()
    {
        _ = Directory.CreateDirectory(Path.Combine(_folder.FullName, "lock"));
        string refused = Assert.Throws<ServeException>(() => StateFolder.Open(_folder.FullName)).Message;
        Assert.Contains("cannot be written to", refused, StringComparison.Ordinal);
        Directory.Delete(Path.Combine(_folder.FullName, "lock"));
        using StateFolder first = StateFolder.Open(_folder.FullName);
        Assert.Contains(
            "is held by another process", Assert.Throws<ServeException>(() => StateFolder.Open(_folder.FullName)).Message,
            StringComparison.Ordinal);
    }

    private static string Content(string text)
    {
        string good = Guest.Replace("FILES", """{"path":"/m","bytes":1,"written":1}""", StringComparison.Ordinal);
        return text switch
        {
            "GUEST" => good.Replace("REGIONS", Region, StringComparison.Ordinal),
            "NO REGIONS" => good.Replace("REGIONS", "", StringComparison.Ordinal),
            "NULL REGION" => good.Replace("REGIONS", Region + ",null", StringComparison.Ordinal),
            "NULL FILE" => Guest.Replace("REGIONS", Region, StringComparison.Ordinal).Replace("FILES", "null", StringComparison.Ordinal),
            "NEGATIVE" => good.Replace(
                "REGIONS", Region.Replace("\"bytes\":4096", "\"bytes\":-4096", StringComparison.Ordinal), StringComparison.Ordinal),
            "ODD" => good.Replace(
                "REGIONS", Region.Replace("\"pageBytes\":4096", "\"pageBytes\":4095", StringComparison.Ordinal), StringComparison.Ordinal),
            "OVERLAP" => good.Replace("REGIONS", Region + "," + Region, StringComparison.Ordinal),
            _ => text,
        };
    }

    // What a daemon says that begins with this folder.
    private async Task<IReadOnlyList<string>> BeginAsync()
    {
        List<string> told = [];
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        DaemonOptions options = new()
        {
            Control = Path.Combine(_folder.FullName, "control", "socket"),
            State = _folder.FullName,
            Log = told.Add,
        };
        await using ServeDaemon daemon = await ServeDaemon.StartAsync(runtime, options);
        Assert.Empty(daemon.List());
        return told;
    }
}
