namespace UffdActors.Stress.Injection;

/// <summary>An injected failure of the source.</summary>
internal sealed class InjectedSourceException() : IOException("injected: the source cannot answer now");
