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
    public void What_means_nothing_is_refused_in_one_line(string hocon, string says)
    {
        Config config = ConfigurationFactory.ParseString(hocon);

        UffdConfigurationException refused = Assert.Throws<UffdConfigurationException>(() => UffdRuntime.Start(config));

        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
        Assert.Equal(refused.Message, Assert.Throws<UffdConfigurationException>(() => UffdSettings.Load(config)).Message);
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
