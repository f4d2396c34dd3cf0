using System.Runtime.ExceptionServices;

namespace UffdActors.Modules;

/// <summary>Calls into a module while nothing else runs yet: on a thread of their own, which is abandoned if they do not return.</summary>
internal static class ModuleCall
{
    /// <summary>How long is waited for a module to be made, and for its checks.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Makes the call.</summary>
    /// <param name="patience">How long is waited.</param>
    /// <param name="what">Subject of the message, as in "Memory module X".</param>
    /// <param name="call">Ends in code of the module.</param>
    /// <exception cref="TimeoutException">It has not returned; the thread is left in it.</exception>
    public static T Within<T>(TimeSpan patience, string what, Func<T> call)
    {
        T result = default!;
        ExceptionDispatchInfo? thrown = null;
        Thread thread = new(() =>
        {
            try
            {
                result = call();
            }
            catch (Exception e)
            {
                thrown = ExceptionDispatchInfo.Capture(e);
            }
        })
        { IsBackground = true, Name = "module" };
        thread.Start();
        if (!thread.Join(patience)) throw new TimeoutException(NotReturned(what, patience));
        thrown?.Throw();
        return result;
    }

    /// <summary>That a call has not returned, in a sentence.</summary>
    public static string NotReturned(string what, TimeSpan patience) =>
        FormattableString.Invariant($"{what} has not returned for {patience.TotalSeconds:0.##} s: its code blocks, or goes on for ever.");
}
