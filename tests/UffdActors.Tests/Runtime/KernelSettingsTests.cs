using Akka.Configuration;
using UffdActors.Model;

namespace UffdActors.Tests.Runtime;

/// <summary>Which kernel a VM runs, and its knobs, are settings.</summary>
public class KernelSettingsTests
{
    [Fact]
    public void Without_configuration_the_kernel_is_the_seeds() => Assert.Equal(KernelProfile.Seed, UffdSettings.Load().Kernel);

    [Fact]
    public void Every_knob_can_be_turned_over_any_profile()
    {
        UffdSettings settings = UffdSettings.Load(ConfigurationFactory.ParseString(
            """
            uffd.kernel {
              profile = "linux-7.1"
              fault-around-bytes = 16384
              memory-failure = on
              swap = on
              huge-pages = 12
              privileged = off
              unprivileged-userfaultfd = on
              strict-wakes = off
            }
            """));
        Assert.Equal(Turned(KernelProfile.Linux71), settings.Kernel);
        Assert.Equal(Turned(KernelProfile.Linux618), settings.WithKnobs(KernelProfile.Linux618));
    }

    [Theory]
    [InlineData("profile = \"linux-5\"", "linux-7.1")]
    [InlineData("fault-around-bytes = 5000", "power of two")]
    [InlineData("huge-pages = -1", "must not be negative")]
    public void A_value_that_means_nothing_is_named(string line, string expected)
    {
        UffdConfigurationException error = Assert.Throws<UffdConfigurationException>(
            () => UffdSettings.Load(ConfigurationFactory.ParseString($"uffd.kernel {{ {line} }}")));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("off", false)]
    [InlineData("on", true)]
    public async Task A_VM_without_privilege_opens_a_userfaultfd_only_if_the_sysctl_says_so(string sysctl, bool opens)
    {
        Config config = ConfigurationFactory.ParseString($"uffd.kernel {{ privileged = off, unprivileged-userfaultfd = {sysctl} }}");
        await using UffdRuntime runtime = UffdRuntime.Start(config);
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 16 });
        if (opens) Assert.NotNull(await vm.OpenAsync());
        else Assert.Equal(Errno.EPERM, (await Assert.ThrowsAsync<UffdException>(() => vm.OpenAsync())).Error);
    }

    private static KernelProfile Turned(KernelProfile profile) => profile with
    {
        FaultAroundBytes = 16384,
        MemoryFailure = true,
        Swap = true,
        HugePages = 12,
        Privileged = false,
        UnprivilegedUserfaultfd = true,
        StrictWakes = false,
    };
}
