using System.Diagnostics;
using UffdActors.Model.Inputs;

namespace UffdActors.Statistics;

/// <summary>
/// The activity source "UffdActors": calls of the embedder, and one in some of the stamped faults hop by hop. Where nobody listens a call
/// and a stamped fault cost one test each.
/// </summary>
internal static class UffdActivities
{
    /// <summary>The name that a listener asks for; the meter has the same.</summary>
    public const string Name = UffdMeter.Name;

    /// <summary>Of so many stamped faults of a vCPU one is an activity.</summary>
    public const int FaultsPerActivity = 64;

    private static readonly ActivitySource Source = new(Name, typeof(UffdActivities).Assembly.GetName().Version!.ToString(3));

    /// <summary>Makes a call of the embedder, as an activity if anybody listens.</summary>
    /// <param name="call">Name of the call, in lower case.</param>
    /// <param name="vm">Name of the VM.</param>
    /// <param name="make">Makes it.</param>
    public static Task<T> CallAsync<T>(string call, string vm, Func<Task<T>> make) =>
        Source.HasListeners() ? TracedAsync(call, vm, make) : make();

    /// <inheritdoc cref="CallAsync{T}"/>
    public static Task CallAsync(string call, string vm, Func<Task> make) =>
        Source.HasListeners()
            ? TracedAsync(
                call, vm,
                async () =>
                {
                    await make();
                    return true;
                })
            : make();

    /// <summary>A stamped fault has ended just now.</summary>
    /// <param name="trace">Its stations.</param>
    /// <param name="number">How many stamped faults its vCPU has had before.</param>
    public static void Record(FaultTrace trace, long number)
    {
        if (!Source.HasListeners() || number % FaultsPerActivity != 0) return;
        // The stations are of the ring's clock; an activity has the time of day.
        DateTimeOffset end = TimeProvider.System.GetUtcNow();
        DateTimeOffset At(long station) => end - TimeSpan.FromTicks((trace.Resumed - station) / TimeSpan.NanosecondsPerTick);
        using Activity? fault = Source.StartActivity(
            ActivityKind.Internal, startTime: At(trace.Raised), name: "uffd.fault",
            tags:
            [
                new("uffd.vcpu", trace.Vcpu), new("uffd.address", $"0x{trace.Address:x}"), new("uffd.fault.flags", trace.Flags.ToString()),
            ]);
        if (fault is null) return;
        (string Station, long Time)[] stations =
        [
            ("read", trace.Read), ("requested", trace.Requested), ("data", trace.Data), ("installed", trace.Installed),
            ("woken", trace.Woken),
        ];
        foreach ((string station, long time) in stations)
        {
            if (time != 0) _ = fault.AddEvent(new ActivityEvent(station, At(time)));
        }

        _ = fault.SetEndTime(end.UtcDateTime);
    }

    private static async Task<T> TracedAsync<T>(string call, string vm, Func<Task<T>> make)
    {
        using Activity? activity = Source.StartActivity($"uffd.{call}");
        _ = activity?.SetTag("uffd.vm", vm);
        try
        {
            T result = await make();
            if (result is IoctlResult { Error: not Errno.None and var error }) _ = activity?.SetTag("uffd.errno", error.ToString());
            return result;
        }
        catch (Exception e)
        {
            _ = activity?.SetStatus(ActivityStatusCode.Error, ForeignText.Of(e));
            throw;
        }
    }
}
