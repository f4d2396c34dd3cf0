using UffdActors.Stress.Guest;
using UffdActors.Stress.Vcpus;

namespace UffdActors.Stress.Tests;

public class VcpuProgramTests
{
    // A stop may come before the turn in which a vCPU begins its lap, and must not be forgotten in it.
    [Fact]
    public void A_stop_also_ends_the_lap_that_is_about_to_begin_but_not_the_last_look_at_every_page()
    {
        VcpuProgram program = new(number: 0, new Ledger(8, 2), hasMutex: false, seed: 1, _ => { });
        program.EndLaps();

        program.BeginLap(int.MaxValue);
        Assert.False(program.TryNext(out _, out _));

        program.BeginLap(-1);
        Assert.True(program.TryNext(out long page, out _));
        Assert.Equal(0, page);
    }
}
