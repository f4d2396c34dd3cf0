using System.Reflection;

namespace UffdActors.Model.Inputs;

/// <summary>What an exception of third-party code says: a module, a page source, a hook. Its Message may be null, or throw.</summary>
internal static class ForeignText
{
    /// <summary>The message in one line; the name of the type if there is none.</summary>
    public static string Of(Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        // These say only that something has thrown; what it was is inside.
        while (exception is TypeInitializationException or TargetInvocationException && exception.InnerException is { } inner)
            exception = inner;
        string? message;
        try
        {
            message = exception.Message;
        }
        catch (Exception)
        {
            message = null;
        }

        string line = string.Join(' ', (message ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        return line.Length > 0 ? line : $"{exception.GetType().Name}, without a message";
    }
}
