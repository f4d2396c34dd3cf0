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
    public async Task A_configuration_that_means_nothing_is_one_line_that_names_the_place(string text, string says)
    {
        CommandRun run = await CommandRun.Of("postcopy", "--memory", "64K", "--accesses", "10", "--config", _place.Write("uffd.conf", text));

        Assert.True(run.ExitCode == ExitCode.BadInput, $"{run.ExitCode} {run.Error}{run.Output}");
        Assert.Empty(run.Output);
        Assert.Contains(says, Assert.Single(run.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
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
        Assert.Equal(ExitCode.BadInput, shmem.ExitCode);
        Assert.Contains("no module is loaded", Assert.Single(shmem.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }
}
