namespace UffdActors.Dispatch;

/// <summary>Where the actors of one VM run.</summary>
/// <param name="Dispatcher">Id of their dispatcher.</param>
/// <param name="Loop">Its loop; null on a dispatcher that has none, or that all VMs have.</param>
/// <param name="Cpu">CPU that the loop is bound to; -1 for any.</param>
/// <param name="Number">
/// Which of the runtime's loops it is, from 0: its CPU follows from it. No two VMs that live at the same time have the same, unless they
/// share their loops.
/// </param>
internal sealed record LoopPlace(string Dispatcher, VmLoop? Loop, int Cpu, int Number);
