using System.Collections;
using System.Diagnostics;

namespace UffdActors.Packages.Tests;

/// <summary>Programs that a test runs in a folder, as a user would: nothing of this test run is in their environment.</summary>
internal static class Dotnet
{
    // For one that hangs; a machine that is busy may take its time.
    public static readonly TimeSpan Hang = TimeSpan.FromMinutes(5);

    /// <summary>Runs the SDK.</summary>
    /// <returns>What it says; it has done its work.</returns>
    public static async Task<string> DoAsync(string folder, string command)
    {
        (int code, string said) = await RunAsync(folder, command);
        Assert.True(code == 0, $"dotnet {command} in {folder} ended with {code}:\n{said}");
        return said;
    }

    /// <summary>Runs the SDK.</summary>
    public static async Task<(int Code, string Said)> RunAsync(string folder, string command)
    {
        (int code, string output, string error) = await RunAsync(folder, "dotnet", command.Split(' '));
        return (code, output + error);
    }

    /// <summary>Runs a program to its end.</summary>
    public static async Task<(int Code, string Output, string Error)> RunAsync(
        string folder, string program, params IReadOnlyList<string> arguments)
    {
        using Process process = Start(folder, program, arguments);
        process.StandardInput.Close();
        using CancellationTokenSource hang = new(Hang);
        Task<string> error = process.StandardError.ReadToEndAsync(hang.Token);
        string output = await process.StandardOutput.ReadToEndAsync(hang.Token);
        await process.WaitForExitAsync(hang.Token);
        return (process.ExitCode, output, await error);
    }

    /// <summary>Starts a program with its three streams here.</summary>
    public static Process Start(string folder, string program, params IReadOnlyList<string> arguments)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // What this run's own SDK tells its children would make another project's build one of this repository.
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            string name = (string)variable.Key;
            if (name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase) || name.StartsWith("VSTEST", StringComparison.Ordinal))
                _ = start.Environment.Remove(name);
        }

        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        start.Environment["DOTNET_NOLOGO"] = "1";
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["UseSharedCompilation"] = "false";
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        return Process.Start(start)!;
    }
}
