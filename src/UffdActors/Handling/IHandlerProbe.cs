namespace UffdActors.Handling;

/// <summary>Watches handlers at named points; a test's probe throws there.</summary>
internal interface IHandlerProbe
{
    /// <summary>The handler is at a point.</summary>
    void At(HandlerPoint point, int handler, PageRequest request);
}
