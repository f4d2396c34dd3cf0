namespace UffdActors.PostCopy.Tests;

/// <summary>Runs small migrations.</summary>
internal static class Migrations
{
    public static Task<PostCopyReport> RunAsync(string dispatcher, PostCopyOptions options, Akka.Configuration.Config? config = null)
    {
        Akka.Configuration.Config profile = UffdSettings.Profile(dispatcher);
        return UffdRuntime.UseAsync(
            config?.WithFallback(profile) ?? profile, runtime => new PostCopyMigration(runtime, options).RunAsync());
    }
}
