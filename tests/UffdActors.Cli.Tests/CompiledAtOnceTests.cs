using System.Diagnostics;
using UffdActors.Cli.Hosting;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Cli.Tests;

/// <summary>The ends of a live migration are executed once more, without tiered compilation, as the same process.</summary>
public sealed class CompiledAtOnceTests
{
    // What takes as long as this hangs, on the slowest machine too.
    private static readonly TimeSpan Hang = TimeSpan.FromMinutes(5);

    [Theory]
    [InlineData("migrate send unix:wire --world live", true)]
    [InlineData("migrate receive unix:wire --world=live --json", true)]
    [InlineData("migrate receive unix:wire", false)]
    [InlineData("migrate receive unix:live --world model", false)]
    [InlineData("migrate demo --world live", false)]
    [InlineData("postcopy --world live", false)]
    [InlineData("migrate", false)]
    public void It_is_for_these_commands(string arguments, bool isFor) => Assert.Equal(isFor, CompiledAtOnce.IsFor(arguments.Split(' ')));

    [SkippableTheory]
    [InlineData(null, "0")]
    // Said by the user.
    [InlineData("1", "1")]
    public void The_process_has_the_setting_and_its_arguments(string? given, string expected)
    {
        ThisKernel.Require();
        using Workplace place = new();
        ProcessStartInfo start = new(Path.Combine(AppContext.BaseDirectory, "uffd"))
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        string[] arguments = ["migrate", "receive", $"unix:{place.Path("wire")}", "--world", "live", "--no-rehearsal"];
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        _ = start.Environment.Remove("DOTNET_TieredCompilation");
        if (given is not null) start.Environment["DOTNET_TieredCompilation"] = given;
        using Process process = Process.Start(start)!;
        try
        {
            Stopwatch time = Stopwatch.StartNew();
            while (!Words("environ").Contains($"DOTNET_TieredCompilation={expected}"))
            {
                Assert.True(time.Elapsed < Hang && !process.HasExited);
                _ = Thread.Yield();
            }

            Assert.Equal(arguments, Words("cmdline").Skip(1));

            string[] Words(string file) =>
                File.ReadAllText($"/proc/{process.Id}/{file}").Split('\0', StringSplitOptions.RemoveEmptyEntries);
        }
        finally
        {
            process.Kill();
            process.WaitForExit();
        }
    }
}
