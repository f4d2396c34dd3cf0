using Microsoft.Extensions.Logging;

namespace UffdActors.Hosting;

/// <summary>
/// What is logged. Events 1 to 4 are the life of runtime and VMs; an incident has 100 and the number of its kind
/// (<see cref="IncidentKind"/>), grouped by how bad it is.
/// </summary>
internal static partial class UffdLog
{
    private const int Incidents = 100;

    [LoggerMessage(1, LogLevel.Information, "The page-fault runtime runs: {World}, {Dispatcher}")]
    public static partial void RuntimeStarted(ILogger logger, string world, string dispatcher);

    [LoggerMessage(2, LogLevel.Information, "The page-fault runtime has stopped")]
    public static partial void RuntimeStopped(ILogger logger);

    [LoggerMessage(3, LogLevel.Information, "VM {Vm} is there: {World}, {Kernel}")]
    public static partial void VmMade(ILogger logger, string vm, string world, string kernel);

    [LoggerMessage(4, LogLevel.Information, "VM {Vm} has been disposed of")]
    public static partial void VmGone(ILogger logger, string vm);

    /// <summary>Logs an incident.</summary>
    public static void Write(ILogger logger, string vm, Incident incident)
    {
        LogLevel level = LevelOf(incident.Kind);
        if (!logger.IsEnabled(level)) return;
        EventId id = new(Incidents + (int)incident.Kind, incident.Kind.ToString());
        logger.Log(
            level, id, new IncidentEntry(vm, incident), incident.Exception, static (entry, _) => entry.ToString());
    }

    /// <summary>How bad an incident is.</summary>
    public static LogLevel LevelOf(IncidentKind kind) => kind switch
    {
        IncidentKind.VmFailed => LogLevel.Critical,
        IncidentKind.PageLost or IncidentKind.OwnerGone or IncidentKind.FillRefused or IncidentKind.DescriptorLeftOpen
            or IncidentKind.GuestNotStopped or IncidentKind.HookFailed or IncidentKind.PatienceOver => LogLevel.Error,
        IncidentKind.OutageEnded or IncidentKind.CancelledCallEnded or IncidentKind.UserModeOnly => LogLevel.Information,
        _ => LogLevel.Warning,
    };
}
