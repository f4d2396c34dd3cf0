using Akka.Actor;
using Akka.Configuration;
using UffdActors.Model.Backends;

namespace UffdActors.Tests.Runtime;

/// <summary>
/// A configuration that is built in code is looked at like a file before anything reads it: what means nothing is one line, and nothing is
/// started.
/// </summary>
public sealed class ConfigGuardTests
{
    [Theory]
    [InlineData("a = ${b}\nb = ${a}", "key \"a\": its substitution leads back to itself.")]
    [InlineData("uffd.world = ${uffd.world}", "key \"uffd.world\": its substitution leads back to itself.")]
    [InlineData("x { b = ${x} }", "key \"x.b\": its substitution leads back to itself.")]
    [InlineData("a = [${b}]\nb = [${a}]", "its substitution leads back to itself.")]
    [InlineData("uffd.kernel = ${k}\nk { swap = ${uffd.kernel.swap} }", "leads back to itself.")]
    [InlineData("uffd.worlds = 1", "key \"uffd.worlds\" takes a section, not a single value.")]
    [InlineData("uffd = 1", "key \"uffd\" takes a section, not a single value.")]
    [InlineData("uffd.kernel = [1]", "key \"uffd.kernel\" takes a section, not a list.")]
    [InlineData("uffd.modules = 3", "key \"uffd.modules\" takes a list, not a single value.")]
    [InlineData("uffd.world { a = 1 }", "key \"uffd.world\" takes a single value, not a section.")]
    [InlineData("akka = 1", "key \"akka\" takes a section, not a single value.")]
    [InlineData("uffd.lax-modules = maybe", "uffd.lax-modules = maybe: must be on or off.")]
    [InlineData("uffd.close-timeout = long", "uffd.close-timeout = long: must be a time, such as 5s.")]
    [InlineData("uffd.fault-loop.cpu = x", "uffd.fault-loop.cpu = x: must be a whole number.")]
    [InlineData(
        "uffd.push-chunk-page = 8", "there is no key \"uffd.push-chunk-page\"; hocon/reference.conf explains those that there are.")]
    [InlineData("world = live", "there is no key \"world\"; is \"uffd.world\" meant?")]
    [InlineData("uffd-world = live", "the keys of this program are in the section \"uffd\"")]
    [InlineData("\"uffd.world\" = live", "the keys of this program are in the section \"uffd\"")]
    [InlineData("uffd { \"kernel.profile\" = seed }", "\"kernel.profile\" in quotation marks is one key with a dot in its name")]
    [InlineData("akka.loglevl = DEBUG", "there is no key \"akka.loglevl\"; is \"loglevel\" meant?")]
    [InlineData("uffd.watchdog.deadline = soon", "uffd.watchdog.deadline = soon: use off, or a time as in 5s or 500ms.")]
    [InlineData("akka.actor.default-dispatcher.throughput = -5", "akka.actor.default-dispatcher.throughput = -5: must be a whole")]
    [InlineData("akka.actor.internal-dispatcher.throughput = 0", "akka.actor.internal-dispatcher.throughput = 0: must be a whole")]
    [InlineData("akka.actor.mine { type = Dispatcher, throughput = -1 }", "akka.actor.mine.throughput = -1: must be a whole number of at")]
    [InlineData("uffd.fault-loop.throughput = -5", "uffd.fault-loop.throughput = -5: must be a whole number of at least 1.")]
    [InlineData("mine { type = Dispatcher, throughput = -5 }\nuffd.dispatcher = mine", "mine.throughput = -5: must be a whole number of")]
    [InlineData("akka.extensions = [\"foo\"]", "akka.extensions: there is no type \"foo\"")]
    [InlineData("akka.extensions = [\"System.String\"]", "akka.extensions: System.String is no extension")]
    [InlineData("akka.extensions = foo", "akka.extensions = foo: must be a list of types")]
    [InlineData("akka.loggers = [\"foo\"]", "akka.loggers: there is no type \"foo\"")]
    [InlineData("akka.actor.serializers.foo = \"bar\"", "akka.actor.serializers.foo = bar: there is no type \"bar\"")]
    [InlineData("akka.actor.serialization-bindings { \"System.Object\" = none }", "there is no serializer \"none\" in")]
    [InlineData("akka.actor.serialize-messages = on", "akka.actor.serialize-messages = on: the messages of a VM carry descriptors")]
    [InlineData("akka.log-dead-letters = purple", "akka.log-dead-letters = purple: must be a whole number.")]
    [InlineData("akka.log-dead-letters = -1", "akka.log-dead-letters = -1: must not be negative.")]
    [InlineData("akka.actor.creation-timeout = abc", "akka.actor.creation-timeout = abc: must be a time, such as 5s.")]
    [InlineData("akka.coordinated-shutdown.default-phase-timeout = abc", "default-phase-timeout = abc: must be a time, such as 5s.")]
    [InlineData("akka.coordinated-shutdown.phases.x.timeout = abc", "phases.x.timeout = abc: must be a time, such as 5s.")]
    [InlineData("akka.coordinated-shutdown.exit-clr = maybe", "akka.coordinated-shutdown.exit-clr = maybe: must be on or off.")]
    [InlineData("akka.actor.default-mailbox.mailbox-type = foo", "mailbox-type = foo: there is no type \"foo\"")]
    [InlineData("uffd.close-timeout = 100d", "uffd.close-timeout = 100d: must be a time of up to 24 days, or infinite.")]
    [InlineData("uffd.world = null", "key \"uffd.world\" is null; give it a value, or leave it out")]
    [InlineData("uffd.modules = [null]", "key \"uffd.modules\" is null")]
    [InlineData("akka.loglevel = null", "key \"akka.loglevel\" is null")]
    public void What_means_nothing_is_refused_in_one_line(string hocon, string says)
    {
        Config config = ConfigurationFactory.ParseString(hocon);

        UffdConfigurationException refused = Assert.Throws<UffdConfigurationException>(() => UffdRuntime.Start(config));

        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
        Assert.Equal(refused.Message, Assert.Throws<UffdConfigurationException>(() => UffdSettings.Load(config)).Message);
    }

    /// <summary>Akka itself refuses these, by an exception that quotes the value and seldom names the key.</summary>
    [Theory]
    [InlineData("akka.loglevel = SHOUT", "akka.loglevel = SHOUT: ")]
    [InlineData("akka.actor.default-dispatcher.executor = foo", "akka.actor.default-dispatcher.executor = foo: ")]
    [InlineData("akka.actor.deployment { \"/x\" { router = foo } }", "akka.actor.deployment./x.router = foo: ")]
    [InlineData("akka.actor.provider = foo", "akka.actor.provider")]
    public void What_Akka_refuses_is_told_with_its_key(string hocon, string says)
    {
        UffdConfigurationException refused =
            Assert.Throws<UffdConfigurationException>(() => UffdRuntime.Start(ConfigurationFactory.ParseString(hocon)));
        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
    }

    [Fact]
    public async Task A_dispatcher_that_Akka_cannot_make_is_a_configuration_that_means_nothing()
    {
        Config config = ConfigurationFactory.ParseString("uffd.mine { type = foo }\nuffd.dispatcher = uffd.mine");
        await using UffdRuntime runtime = UffdRuntime.Start(config);
        UffdConfigurationException refused =
            await Assert.ThrowsAsync<UffdConfigurationException>(() => runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 }));
        Assert.Contains("uffd.mine.type = foo", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Depth_and_growth_are_refused_before_anything_follows_them()
    {
        string sections = string.Concat(Enumerable.Repeat("a {", 500)) + "b = 1" + new string('}', 500);
        string doubling = "a0 = x\n" + string.Concat(Enumerable.Range(0, 40).Select(i => $"a{i + 1} = ${{a{i}}}${{a{i}}}\n"));
        foreach ((string text, string says) in new[] { (sections, "nested more than 32 deep"), (doubling, "more than 10,000 values") })
            Assert.Contains(
                says, Assert.Throws<UffdConfigurationException>(() => UffdSettings.Load(ConfigurationFactory.ParseString(text))).Message,
                StringComparison.Ordinal);
    }

    [Fact]
    public async Task Settings_of_a_module_that_is_not_loaded_are_refused()
    {
        ModuleException refused =
            Assert.Throws<ModuleException>(() => UffdRuntime.Start(ConfigurationFactory.ParseString("uffd.module.romm = x")));
        Assert.Contains("uffd.module.romm: no module that is loaded reads settings", refused.Message, StringComparison.Ordinal);
        // Nothing of it is left in the way of the next one.
        await using UffdRuntime runtime = UffdRuntime.Start();
    }

    [Theory]
    [InlineData("size = 5\nuffd.push-chunk-pages = ${size}")]
    [InlineData("base { swap = on }\nuffd.kernel = ${base}")]
    [InlineData("uffd.kernel.swap = ${uffd.lax-modules}\nuffd.lax-modules = off")]
    [InlineData("my-application { color = red, world = live }")]
    [InlineData("uffd.fault-loop { mailbox-type = \"Akka.Dispatch.UnboundedMailbox, Akka\", throughput = 7 }")]
    [InlineData("uffd.mine { type = Dispatcher, throughput = 5 }")]
    [InlineData("akka { loggers = [], extensions = [], log-dead-letters = on, actor.ask-timeout = infinite }")]
    [InlineData("akka.actor { default-dispatcher.throughput-deadline-time = 0ms, provider = local, creation-timeout = 30 s }")]
    [InlineData("akka { loggers = [\"Akka.Event.DefaultLogger\"], coordinated-shutdown.phases.service-stop.timeout = 3s }")]
    [InlineData("my-store { timeout = abc, throughput = -1 }")]
    [InlineData("world = fault-loop\nuffd.dispatcher = \"uffd.\"${world}")]
    [InlineData("")]
    public async Task Substitutions_that_end_and_keys_of_others_are_taken(string hocon)
    {
        await using UffdRuntime runtime = UffdRuntime.Start(ConfigurationFactory.ParseString(hocon));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
    }

    /// <summary>What an application calls its own sections is its business, but not what it says of ours.</summary>
    [Fact]
    public async Task Of_a_borrowed_systems_configuration_only_the_own_keys_are_judged()
    {
        using ActorSystem system = ActorSystem.Create("lender", ConfigurationFactory.ParseString("world = live\nuffd-ui.color = red"));
        await using (UffdRuntime runtime = UffdRuntime.Borrow(system)) Assert.Equal("model", runtime.Settings.World);
        using ActorSystem wrong = ActorSystem.Create("lender", ConfigurationFactory.ParseString("uffd.wrold = live"));
        Assert.Contains(
            "there is no key \"uffd.wrold\"", Assert.Throws<UffdConfigurationException>(() => UffdRuntime.Borrow(wrong)).Message,
            StringComparison.Ordinal);
    }
}
