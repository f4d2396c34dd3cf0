using UffdActors.Kvm.Programs;

namespace UffdActors.Kvm.Snapshots;

/// <summary>How far a guest program is, by the registers of its paused vCPUs (<see cref="GuestProgram"/>).</summary>
internal static class GuestMeter
{
    // The round's counter is set by the second instruction of a round, both of three bytes.
    private const ulong RoundHead = 6;

    /// <summary>Share of the visits that a vCPU has made, 0 to 1.</summary>
    public static double ShareOf(GuestPlan plan, in KvmRegs regs)
    {
        bool isRandom = plan.Kind is ProgramKind.Random or ProgramKind.Scatter;
        double steps = isRandom ? regs.R13 : regs.R12;
        double rounds = plan.Rounds - (double)regs.R8;
        double inRound = regs.Rip < GuestPlan.Code + RoundHead ? 0 : steps - regs.Rcx;
        return Math.Clamp((rounds * steps + inRound) / (plan.Rounds * steps), 0, 1);
    }
}
