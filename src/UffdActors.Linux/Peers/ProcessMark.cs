namespace UffdActors.Linux.Peers;

/// <summary>
/// What tells a process from every other one of this machine, also after the one that has written it down is gone: numbers go to others
/// when their process has ended, and begin anew when the machine does.
/// </summary>
/// <param name="Id">Its number.</param>
/// <param name="User">Number of its effective user when it connected.</param>
/// <param name="Started">When it started, in ticks of the kernel's clock since the machine did (<c>/proc/PID/stat</c>, field 22).</param>
/// <param name="Boot">Which start of the machine that was (<c>/proc/sys/kernel/random/boot_id</c>).</param>
public sealed record ProcessMark(int Id, int User, long Started, string Boot)
{
    /// <summary>The mark of the process that has a number now; null if there is none.</summary>
    internal static ProcessMark? Of(int id, int user)
    {
        try
        {
            string stat = File.ReadAllText(FormattableString.Invariant($"/proc/{id}/stat"));
            // Behind the name, which may hold anything, the state is field 3.
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return new ProcessMark(
                id, user, long.Parse(fields[22 - 3], System.Globalization.CultureInfo.InvariantCulture),
                File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
