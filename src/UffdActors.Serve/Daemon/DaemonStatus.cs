namespace UffdActors.Serve;

/// <summary>The state of a daemon.</summary>
/// <param name="Process">Its number.</param>
/// <param name="Program">Version of the program.</param>
/// <param name="State">Its state folder.</param>
/// <param name="UptimeNs">Nanoseconds since it has started.</param>
/// <param name="Sessions">Sessions.</param>
/// <param name="Guests">Guests that are being served.</param>
/// <param name="Lost">Guests of a predecessor that cannot be served on, and whose VMMs live.</param>
/// <param name="TakenBack">Guests that were taken back at the start.</param>
/// <param name="Ended">Guests that have ended since.</param>
/// <param name="Refused">Hand-overs that were refused since.</param>
/// <param name="WorkingSets">What working sets were worth to all guests since; null if there were none.</param>
/// <param name="KeepsDescriptors">True if a service manager keeps descriptors for it.</param>
public sealed record DaemonStatus(
    int Process, string Program, string State, long UptimeNs, int Sessions, int Guests, int Lost, int TakenBack, long Ended, long Refused,
    WorkingSetFigures? WorkingSets, bool KeepsDescriptors);
