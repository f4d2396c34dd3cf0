using System.Diagnostics;

namespace UffdActors.Cli.Tests;

/// <summary>The same seed gives the same run, whichever process makes it.</summary>
public sealed class SteppedTests
{
    // Hashes of strings, and with them the order of what is kept by name, differ from process to process: so many of them hardly agree by
    // chance.
    private const int Processes = 6;

    private static readonly TimeSpan Hang = TimeSpan.FromMinutes(5);

    [Fact]
    public async Task Migrations_in_several_processes_give_the_same_document_byte_by_byte()
    {
        string[] documents = await Task.WhenAll(Enumerable.Range(0, Processes).Select(_ => MigrateAsync()));
        Assert.Contains("\"verified\": true", documents[0], StringComparison.Ordinal);
        _ = Assert.Single(documents.Distinct(StringComparer.Ordinal));
    }

    private static async Task<string> MigrateAsync()
    {
        ProcessStartInfo start = new(
            Path.Combine(AppContext.BaseDirectory, "uffd"),
            ["postcopy", "--dispatcher", "stepped", "--memory", "4M", "--accesses", "20000", "--json", "-"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string document = await process.StandardOutput.ReadToEndAsync().WaitAsync(Hang);
        await process.WaitForExitAsync().WaitAsync(Hang);
        _ = await error;
        return document;
    }
}
