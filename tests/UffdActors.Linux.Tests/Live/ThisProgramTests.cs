using UffdActors.Linux.Watching;

namespace UffdActors.Linux.Tests.Live;

/// <summary>How a program is started again, from how it was started.</summary>
public sealed class ThisProgramTests
{
    [Theory]
    [InlineData("/opt/vmm/vmm", "vmm --guest a", "/opt/vmm/vmm.dll", "")]
    [InlineData("/opt/vmm/vmm", "dotnet a.dll", "/opt/vmm/vmm", "")]
    [InlineData("/usr/bin/dotnet", "dotnet a.dll --depsfile x", "/opt/a.dll", "exec /opt/a.dll")]
    [InlineData("/usr/bin/dotnet", "dotnet exec a.dll b", "/opt/a.dll", "exec /opt/a.dll")]
    [InlineData("/usr/bin/dotnet", "dotnet --roll-forward Major a.dll", "/opt/a.dll", "exec --roll-forward Major /opt/a.dll")]
    [InlineData(
        "/usr/bin/dotnet", "dotnet exec --runtimeconfig r --depsfile d host.dll --port 1", "/opt/host.dll",
        "exec --runtimeconfig r --depsfile d /opt/host.dll")]
    public void The_host_and_its_options_stay_and_the_arguments_go(string path, string commandLine, string program, string words) =>
        Assert.Equal(words, string.Join(' ', ThisProgram.OfHost(path, commandLine.Split(' '), program)));
}
