using System.Diagnostics;
using System.Text.Json;

namespace UffdActors.PostCopy;

/// <summary>Phases of migrations in the activity source "UffdActors", which the runtime's own calls and faults are in as well.</summary>
internal static class MigrationActivities
{
    private static readonly ActivitySource Source =
        new("UffdActors", typeof(MigrationActivities).Assembly.GetName().Version!.ToString(3));

    /// <summary>Begins a phase; it ends when it is disposed of. Null if nobody listens.</summary>
    /// <param name="phase">Name of the phase.</param>
    public static Activity? Begin(string phase) =>
        Source.HasListeners() ? Source.StartActivity($"uffd.migration.{JsonNamingPolicy.SnakeCaseLower.ConvertName(phase)}") : null;
}
