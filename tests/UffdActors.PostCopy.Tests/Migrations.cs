using System.Runtime.InteropServices;

namespace UffdActors.PostCopy.Tests;

/// <summary>Runs small migrations.</summary>
internal static class Migrations
{
    /// <summary>A real file that every machine has that runs the tests.</summary>
    public static string RealFile { get; } = Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "libcoreclr.so");

    public static Task<PostCopyReport> RunAsync(string dispatcher, PostCopyOptions options, Akka.Configuration.Config? config = null)
    {
        Akka.Configuration.Config profile = UffdSettings.Profile(dispatcher);
        return UffdRuntime.UseAsync(config?.WithFallback(profile) ?? profile, runtime => new PostCopyMigration(runtime, options).RunAsync());
    }
}
