using UffdActors.Kvm.Programs;

namespace UffdActors.Kvm.Snapshots;

/// <summary>What a guest has told its devices: part of its state, for a restored guest has new devices.</summary>
/// <param name="Console">Its console.</param>
/// <param name="Reported">Checksums that its vCPUs have reported; 0 for none.</param>
/// <param name="GivenBack">Pages that it has given back.</param>
internal sealed record GuestLedger(string Console, IReadOnlyList<ulong> Reported, long GivenBack)
{
    /// <summary>Of a guest that has just been booted.</summary>
    public static GuestLedger None(int vcpus) => new("", new ulong[vcpus], 0);

    /// <summary>Rounds that each vCPU has finished: it has written a letter of its own for each.</summary>
    public int[] RoundsOf(int vcpus) => [.. Enumerable.Range(0, vcpus).Select(vcpu => Console.Count(c => c == 'a' + vcpu))];

    /// <summary>With what a device has been told since.</summary>
    public GuestLedger With(ProgramDevice device) => new(
        Console + device.Console, [.. Reported.Select((r, i) => device.Reported[i] != 0 ? device.Reported[i] : r)],
        GivenBack + device.GivenBack);
}
