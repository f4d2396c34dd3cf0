using Akka.Configuration;

namespace UffdActors.Tests.Runtime;

public sealed class WatchdogSettingsTests
{
    [Fact]
    public void Nobody_watches_unless_asked_to() => Assert.Null(UffdSettings.Load().Watchdog);

    [Theory]
    [InlineData("deadline = 5s", 5000, WatchdogPolicy.Report)]
    [InlineData("{ deadline = 100ms, policy = kill }", 100, WatchdogPolicy.Kill)]
    public void Deadline_and_policy_are_read(string text, int milliseconds, WatchdogPolicy policy) =>
        Assert.Equal(new WatchdogOptions(TimeSpan.FromMilliseconds(milliseconds), policy), Of(text));

    [Theory]
    [InlineData("deadline = 99ms", "uffd.watchdog.deadline = 99ms: must be off, or a time of at least 100ms.")]
    [InlineData("deadline = soon", "uffd.watchdog.deadline = soon: use off, or a time as in 5s or 500ms.")]
    [InlineData("policy = bark", "uffd.watchdog.policy = bark: use report or kill.")]
    public void What_means_nothing_is_refused_by_key_and_value(string text, string says) =>
        Assert.Equal(says, Assert.Throws<UffdConfigurationException>(() => Of(text)).Message);

    [Fact]
    public async Task A_vm_of_the_model_has_no_watchdog()
    {
        await using UffdRuntime runtime = UffdRuntime.Start();
        VmOptions options = new() { MemoryPages = 16, Watchdog = new WatchdogOptions(TimeSpan.FromSeconds(1)) };
        Assert.Contains(
            "uffd.world = model", (await Assert.ThrowsAsync<UffdConfigurationException>(() => runtime.CreateVmAsync(options))).Message,
            StringComparison.Ordinal);
    }

    private static WatchdogOptions? Of(string text) =>
        UffdSettings.Load(
            ConfigurationFactory.ParseString(text.StartsWith('{') ? $"uffd.watchdog {text}" : $"uffd.watchdog.{text}")).Watchdog;
}
