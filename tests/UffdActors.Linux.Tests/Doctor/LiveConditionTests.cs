using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Doctor;

/// <summary>Tests of the real kernel are never left out in silence.</summary>
public sealed class LiveConditionTests
{
    [Fact]
    public void Without_userfaultfd_a_test_is_skipped_with_the_reason()
    {
        SkipException skipped = Assert.Throws<SkipException>(() => ThisKernel.Require("there is no userfaultfd", mode: null));
        Assert.Contains("there is no userfaultfd", skipped.Message, StringComparison.Ordinal);
        Assert.Throws<SkipException>(() => ThisKernel.Require("there is no userfaultfd", mode: "off"));
    }

    [Fact]
    public void Where_live_tests_are_required_it_fails_with_the_reason()
    {
        Xunit.Sdk.XunitException failed =
            Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => ThisKernel.Require("there is no userfaultfd", mode: "require"));
        Assert.Contains("UFFD_LIVE=require, but there is no userfaultfd", failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void With_userfaultfd_it_runs()
    {
        ThisKernel.Require(null, mode: null);
        ThisKernel.Require(null, mode: "require");
    }
}
