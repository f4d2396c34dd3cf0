namespace UffdActors.Stress.Injection;

/// <summary>A failure of the source that was wanted.</summary>
internal sealed class InjectedSourceException() : IOException("injected: the source cannot answer now");
