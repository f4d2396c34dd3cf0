using UffdActors.Testing.ThisMachine;

namespace UffdActors.Packages.Tests;

/// <summary>The command, installed as a tool.</summary>
[Collection(nameof(PackageCollection))]
public sealed class ToolTests(LocalFeed feed)
{
    [SkippableFact]
    public async Task The_command_is_installed_and_does_the_main_job_in_both_worlds()
    {
        string folder = feed.Folder("tool");
        _ = await Dotnet.DoAsync(folder, $"tool install uffd --version {feed.Version} --tool-path .");

        Assert.Contains(
            "verified: 2,048 pages", (await RunAsync(folder, "postcopy --memory 8M --accesses 10000")).Output, StringComparison.Ordinal);
        Assert.Contains("userfaultfd", (await RunAsync(folder, "doctor")).Output, StringComparison.Ordinal);
        (int code, _, string error) = await RunAsync(folder, "conform");
        Assert.Equal((2, true), (code, error.Contains("--data", StringComparison.Ordinal)));
        ThisKernel.Require();
        (code, string output, error) =
            await RunAsync(folder, "postcopy --world live --memory 8M --accesses 10000 --watchdog 300");
        Assert.True(code == 0, error);
        Assert.Contains("verified: 2,048 pages", output, StringComparison.Ordinal);
    }

    private static Task<(int Code, string Output, string Error)> RunAsync(string folder, string command) =>
        Dotnet.RunAsync(folder, Path.Combine(folder, "uffd"), command.Split(' '));
}
