using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Tests;

public sealed class ConfigurationTests : IDisposable
{
    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    [Theory]
    [InlineData("uffd {\n  push-chunk-pages = 8\n", ":1:")]
    [InlineData("uffd {\n  modules = [\"shmem\"\n}\n", ":3:")]
    [InlineData("uffd.modules = []\n}\n", ":2:")]
    [InlineData("# fine\nuffd.dispatcher = \"uffd.fault-loop\n", ":2:")]
    [InlineData("uffd {\n  dispatcher =\n}\n", ":2:")]
    [InlineData("uffd.push-chunk-pages = 8\nnot hocon at all\n", ":2:")]
    [InlineData("\nuffd.push-chunk-page = 8\n", ":2:")]
    [InlineData("include \"other\"\n", "includes")]
    [InlineData("uffd.push-chunk-pages = ${size}\n", "size")]
    [InlineData("uffd.push-chunk-pages = many\n", "uffd.push-chunk-pages")]
    [InlineData("uffd.push-chunk-pages = 0\n", "uffd.push-chunk-pages = 0")]
    [InlineData("uffd.version = 2\n", "uffd.version = 2")]
    [InlineData("uffd.dispatcher = \"uffd.pool\"\n", "uffd.pool")]
    [InlineData("uffd.fault-loop.type = \"Nobody\"\n", "Nobody")]
    [InlineData("uffd.fault-loop.runs-per-round = 0\n", "runs-per-round")]
    [InlineData("uffd.modules = [\"ramfs\"]\n", "ramfs")]
    [InlineData("uffd.modules = [\"A.Type, /nowhere/module.dll\"]\n", "/nowhere/module.dll")]
    [InlineData("a = ${b}\nb = ${a}\n", "leads back to itself")]
    [InlineData("uffd.world = ${uffd.world}\n", "leads back to itself")]
    [InlineData("a = ${b}\nb = ${a}\nc = ${a.y}\n", "leads back to itself")]
    [InlineData("a { b = ${a} }\n", "leads back to itself")]
    [InlineData("uffd.worlds = 1\n", ":1: key \"uffd.worlds\" takes a section")]
    [InlineData("uffd = 1\n", "takes a section")]
    [InlineData("uffd.kernel = [1]\n", "takes a section, not a list")]
    [InlineData("uffd.modules = 3\n", "takes a list")]
    [InlineData("uffd.world { a = 1 }\n", "takes a single value")]
    [InlineData("akka = 1\n", "takes a section")]
    [InlineData("uffd.fault-loop.cpu = x\n", "uffd.fault-loop.cpu = x: must be a whole number")]
    [InlineData("uffd.lax-modules = maybe\n", "must be on or off")]
    [InlineData("uffd.close-timeout = long\n", "must be a time")]
    [InlineData("\nworld = live\n", ":2: there is no key \"world\"; is \"uffd.world\" meant?")]
    [InlineData("wrold = live\n", "is \"uffd.world\" meant?")]
    [InlineData("uffd-world = live\n", "the section \"uffd\"")]
    [InlineData("\"uffd.world\" = live\n", "the section \"uffd\"")]
    [InlineData("ufd.world = live\n", "the section \"uffd\"")]
    [InlineData("uffd { \"kernel.profile\" = seed }\n", "quotation marks")]
    [InlineData("uffd.module.romm = x\n", "uffd.module.romm: no module that is loaded reads settings")]
    [InlineData("akka.loglevl = DEBUG\n", "is \"loglevel\" meant?")]
    [InlineData("akka.loglevel = SHOUT\n", ":1: The actor system does not start with this configuration: akka.loglevel = SHOUT: ")]
    [InlineData("akka.stdout-loglevel = SHOUT\n", "SHOUT")]
    [InlineData("akka.scheduler.tick-duration = 0s\n", "tick-duration")]
    [InlineData("akka.actor.guardian-supervisor-strategy = \"x\"\n", ":1: akka.actor.guardian-supervisor-strategy = x: there is no type")]
    [InlineData("akka.actor.debug.receive = maybe\n", ":1: akka.actor.debug.receive = maybe: must be on or off")]
    [InlineData("\nakka.actor.default-dispatcher.throughput = -5\n", ":2: akka.actor.default-dispatcher.throughput = -5: must be a whole")]
    [InlineData("akka {\n  extensions = [\"foo\"]\n}\n", ":2: akka.extensions: there is no type \"foo\"")]
    [InlineData("akka.log-dead-letters = purple\n", ":1: akka.log-dead-letters = purple: must be a whole number")]
    [InlineData("akka.actor { creation-timeout = abc }\n", ":1: akka.actor.creation-timeout = abc: must be a time")]
    [InlineData("akka.coordinated-shutdown.phases.x.timeout = abc\n", ":1: akka.coordinated-shutdown.phases.x.timeout = abc: must be a")]
    [InlineData("akka.actor.deployment { \"/x\" {\n router = foo } }\n", ":2: The actor system does not start")]
    [InlineData("uffd.world = null\n", ":1: key \"uffd.world\" is null")]
    [InlineData("uffd {\n world = mars\n}\n", ":2: uffd.world = mars: there is no such world")]
    [InlineData("uffd {\n module {\n  romm = x\n }\n}\n", ":3: uffd.module.romm: no module that is loaded reads settings")]
    [InlineData("uffd {\n modules = [\"ramfs\"]\n}\n", ":2: There is no built-in memory module \"ramfs\"")]
    [InlineData("uffd {\n world = model, fault-loop {\n cpu = 4000 } }\n", ":3: CPU 4000 is not available")]
    [InlineData("uffd.mine { type = foo }\nuffd.dispatcher = uffd.mine\n", "uffd.mine.type = foo: Could not resolve dispatcher type foo")]
    [InlineData("uffd.push-chunk-pages = 8\u00001\n", "NUL")]
    [InlineData("uffd.push-chunk-pages = 8 \u001b[2J\n", "control character")]
    [InlineData("", "it is empty")]
    public async Task A_configuration_that_means_nothing_is_one_line_that_names_the_place(string text, string says)
    {
        CommandRun run =
            await CommandRun.Of("postcopy", "--memory", "64K", "--accesses", "10", "--config", _place.Write("uffd.conf", text));

        Assert.True(run.ExitCode == ExitCode.BadInput, $"{run.ExitCode} {run.Error}{run.Output}");
        Assert.Empty(run.Output);
        Assert.Contains(says, Assert.Single(run.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Depth_and_growth_are_refused_before_the_parser_sees_them()
    {
        string sections = string.Concat(Enumerable.Repeat("a {", 100_000)) + new string('}', 100_000);
        string parts = string.Concat(Enumerable.Repeat("a.", 100_000)) + "b = 1";
        string doubling = "a0 = x\n" + string.Concat(Enumerable.Range(0, 40).Select(i => $"a{i + 1} = ${{a{i}}}${{a{i}}}\n"));
        foreach ((
            string text, string says) in new[] { (sections, "nested more than 32 deep"), (parts, "more than 32 parts"),
                (doubling, "more than 10,000 values") })
        {
            CommandRun run = await CommandRun.Of("postcopy", "--memory", "64K", "--config", _place.Write("uffd.conf", text));
            run.EndsWith(ExitCode.BadInput);
            Assert.Contains(says, Assert.Single(run.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("size = 5\nuffd.push-chunk-pages = ${size}\n")]
    [InlineData("base { swap = on }\nuffd.kernel = ${base}\n")]
    [InlineData("uffd.kernel.swap = ${uffd.lax-modules}\nuffd.lax-modules = off\n")]
    [InlineData("my-application { color = red }\n")]
    [InlineData("# nothing but a comment\n")]
    public async Task Substitutions_that_end_and_keys_of_others_are_taken(string text)
    {
        CommandRun run =
            await CommandRun.Of("postcopy", "--memory", "64K", "--accesses", "10", "--config", _place.Write("uffd.conf", text));
        Assert.True(run.ExitCode == ExitCode.Done, run.Error);
    }

    [Fact]
    public async Task The_reference_configuration_and_the_profiles_are_accepted_as_files()
    {
        string hocon = Path.Combine(Path.GetDirectoryName(Workplace.SampleRom)!, "../../../../../hocon");
        foreach (string file in Directory.GetFiles(hocon, "*.conf"))
        {
            CommandRun run = await CommandRun.Of("postcopy", "--memory", "64K", "--accesses", "100", "--config", file);
            Assert.True(run.ExitCode == ExitCode.Done, $"{file}: {run.Error}");
        }
    }

    [Fact]
    public async Task Without_modules_there_is_anonymous_memory_and_no_shmem()
    {
        string config = _place.Write("uffd.conf", "uffd.modules = []\n");

        CommandRun anonymous = await CommandRun.Of("postcopy", "--memory", "1M", "--accesses", "1000", "--config", config);
        CommandRun shmem = await CommandRun.Of("postcopy", "--memory", "1M", "--backend", "shmem", "--config", config);

        Assert.True(anonymous.ExitCode == ExitCode.Done, anonymous.Error);
        shmem.EndsWith(ExitCode.BadInput);
        Assert.Contains("no module is loaded", Assert.Single(shmem.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }
}
