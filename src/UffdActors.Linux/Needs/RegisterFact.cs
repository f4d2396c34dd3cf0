namespace UffdActors.Linux.Needs;

/// <summary>An answer of UFFDIO_REGISTER.</summary>
/// <param name="Memory">Kind of memory.</param>
/// <param name="Context">"sync", or "async" for a context with WP_ASYNC.</param>
/// <param name="Modes">Modes asked for: letters of M, W, I.</param>
/// <param name="Answer">"ok", or an errno, or why it could not be asked.</param>
/// <param name="Ioctls">Ioctls reported.</param>
internal sealed record RegisterFact(string Memory, string Context, string Modes, string Answer, IReadOnlyList<string> Ioctls)
{
    /// <summary>guest_memfd as <see cref="Memory"/>.</summary>
    internal const string GuestMemfd = "guest_memfd";
}
