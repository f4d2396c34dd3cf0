using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace UffdActors.Linux.Tests.Live;

/// <summary>
/// Incidents as they would come on a machine with time to spare: elsewhere any call of a page source may be found under way for a second,
/// which is reported, and is true. Tests of that report read all incidents.
/// </summary>
internal static class OfSlowMachine
{
    /// <summary>The next incident, if there is one.</summary>
    public static bool TryReadOther(this ChannelReader<Incident> incidents, [NotNullWhen(true)] out Incident? incident)
    {
        while (incidents.TryRead(out incident))
        {
            if (!IsOf(incident)) return true;
        }

        return false;
    }

    /// <summary>The next incident, when it comes.</summary>
    public static async Task<Incident> ReadOtherAsync(this ChannelReader<Incident> incidents)
    {
        Incident incident;
        do incident = await incidents.ReadAsync().AsTask().WaitAsync(LiveScene.Deadline);
        while (IsOf(incident));
        return incident;
    }

    private static bool IsOf(Incident incident) =>
        incident.Kind == IncidentKind.BlockingCall
            || (incident.Kind == IncidentKind.OutageEnded && incident.Message.Contains(" has returned after ", StringComparison.Ordinal));
}
