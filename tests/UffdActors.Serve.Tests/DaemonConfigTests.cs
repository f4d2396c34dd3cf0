namespace UffdActors.Serve.Tests;

/// <summary>The configuration file of a daemon.</summary>
public sealed class DaemonConfigTests
{
    private const string Least = "serve { control = /c, state = /s\n";

    [Fact]
    public void A_file_says_where_and_which_sessions()
    {
        DaemonConfig config = DaemonConfig.Parse(
            Least + """
            max-guests = 7, cache = 1g, hand-over-timeout = 3s, store-is-preserved = on, http = "unix:/h"
            sessions {
              a { socket = /a, memory = /m }
              b { socket = /b, memory = /n, diffs = [/d, /e], on-failure = kill, socket-mode = "0660", max-guests = 2 }
              c {
                socket = /a, memory = /m, working-set = /w, record-working-set = /r, record-for = 2s, bandwidth = 10m, max-faults = 9
                overlay = [{ file = /o, at = 4k }, { file = /p, at = 0 }]
              }
            } }
            uffd { source-patience = 5s }
            """);
        DaemonOptions options = config.Options;
        Assert.Equal(("/c", "/s", 7, true), (options.Control, options.State, options.MaxGuests, options.StoreIsPreserved));
        Assert.Equal(("unix:/h", 1L << 30), (options.Http, options.CacheBytes));
        Assert.Equal(TimeSpan.FromSeconds(3), options.HandOver.TimeOut);
        SessionSpec[] sessions =
        [
            new() { Session = "a", Socket = "/a", Memory = "/m" },
            new()
            {
                Session = "b", Socket = "/b", Memory = "/n", Diffs = ["/d", "/e"], OnFailure = FailurePolicy.Kill, SocketMode = "0660",
                MaxGuests = 2,
            },
            new()
            {
                Session = "c", Socket = "/a", Memory = "/m", WorkingSet = "/w", RecordWorkingSet = "/r", RecordForMs = 2000,
                BytesPerSecond = 10 << 20, MaxFaults = 9, Overlay = [new("/o", 4096), new("/p", 0)],
            },
        ];
        Assert.Equal(3, options.Sessions.Count);
        foreach (SessionSpec read in options.Sessions) Assert.Contains(sessions, read.IsSame);
        Assert.Equal(TimeSpan.FromSeconds(5), UffdSettings.Load(config.Runtime).SourcePatience);
    }

    [Theory]
    [InlineData("uffd { }", "it has no block serve.")]
    [InlineData("serve { control = /c }", "serve.state has to be there.")]
    [InlineData("serve { control = c, state = /s }", "serve.control = c: write the path from the root on.")]
    [InlineData(Least + "max-gests = 1 }", "there is no key serve.max-gests")]
    [InlineData(Least + "max-guests = many }", "serve.max-guests = many: write a number from 1 on.")]
    [InlineData(Least + "cache = 1m }", "serve.cache = 1m: write a size of 16m at least")]
    [InlineData(Least + "cache = much }", "serve.cache = much: write a size of 16m at least")]
    [InlineData(Least + "store-is-preserved = perhaps }", "serve.store-is-preserved = perhaps: write true or false.")]
    [InlineData(Least + "hand-over-timeout = 0s }", "serve.hand-over-timeout = 0s: write a time above zero")]
    [InlineData(Least + "sessions { a { socket = /a } } }", "serve.sessions.a.memory has to be there.")]
    [InlineData(Least + "sessions { a { socket = /a, memory = /m, on-failure = zeros } } }", "serve.sessions.a.on-failure = zeros")]
    [InlineData(Least + "sessions { a { socket = /a, memory = /m, layers = 1 } } }", "there is no key serve.sessions.a.layers")]
    [InlineData(Least + "sessions { a { socket = /a, memory = /m, max-faults = 0 } } }", "serve.sessions.a.max-faults = 0: write a number")]
    [InlineData(Least + "sessions { a { socket = /a, memory = /m, record-for = 0s } } }", "serve.sessions.a.record-for = 0s: write a time")]
    [InlineData(Least + "sessions { a { socket = /a, memory = /m, bandwidth = 0 } } }", "serve.sessions.a.bandwidth = 0: write a size")]
    [InlineData(Least + "sessions { a { socket = /a, memory = /m, overlay = /o } } }", "serve.sessions.a.overlay is no list")]
    [InlineData(Least + "sessions { a { socket = /a, memory = /m, overlay = [{ file = /o }] } } }", "a.overlay[0].at has to be")]
    [InlineData(Least + "sessions { a { socket = /a, memory = /m, overlay = [{ at = 0 }] } } }", "a.overlay[0].file has to be")]
    [InlineData(Least + "} surprise = 1", "there is no key surprise")]
    [InlineData("serve { control = /c, state = /s max-guests = 7, hand-over-timeout = 3s }", "Configuration of the daemon: ")]
    [InlineData(Least + "control = null }", "serve.control has to be there.")]
    [InlineData(Least + "sessions { a { socket = null, memory = /m } } }", "serve.sessions.a.socket has to be there.")]
    [InlineData(Least + "max-guests = ${x} }\nx = ${y}\ny = ${x}", ": key \"serve.max-guests\": its substitution leads back to itself.")]
    [InlineData("serve { control = /c, state = /s", "Configuration of the daemon:1: what is opened here lacks its '}'.")]
    [InlineData(Least + "http = \"\u001b[2J\" }", "Configuration of the daemon:2: it holds a control character.")]
    public void What_means_nothing_is_refused_in_a_sentence(string text, string sentence) =>
        Assert.Contains(sentence, Assert.Throws<ServeException>(() => DaemonConfig.Parse(text)).Message, StringComparison.Ordinal);

    /// <summary>Akka's parser follows both until the stack is gone, which ends the process.</summary>
    [Fact]
    public void Depth_is_refused_before_the_parser_sees_it()
    {
        foreach (string deep in new[] { string.Concat(Enumerable.Repeat("a {", 100_000)), string.Concat(Enumerable.Repeat("[", 100_000)) })
            Assert.Contains(
                "more than 32 deep", Assert.Throws<ServeException>(() => DaemonConfig.Parse("serve = " + deep)).Message,
                StringComparison.Ordinal);
    }
}
