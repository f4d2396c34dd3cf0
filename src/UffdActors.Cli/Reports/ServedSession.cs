using UffdActors.Serve;

namespace UffdActors.Cli.Reports;

/// <summary>A session that has ended.</summary>
/// <param name="Number">Its number.</param>
/// <param name="ProcessId">Number of the VMM.</param>
/// <param name="Message">What the VMM has said.</param>
/// <param name="End">How it has ended.</param>
/// <param name="Figures">Its figures.</param>
internal sealed record ServedSession(int Number, int ProcessId, HandOverMessage Message, SessionEnd End, SessionFigures Figures);
