using System.Text.Json;

namespace UffdActors.Cli.Reports;

/// <summary>A KVM guest that has moved, for machines: the documents of both ends; JSON.md explains every field.</summary>
/// <param name="Verified">Both ends say so.</param>
/// <param name="Source">Document of the sending end; null if it has not begun.</param>
/// <param name="Destination">Document of the receiving end; null if it has not begun.</param>
internal sealed record VmmMigrateDocument(bool Verified, JsonElement? Source, JsonElement? Destination);
