using System.Runtime.InteropServices;

namespace UffdActors.Cli.Hosting;

/// <summary>A child of this program ends with it, however that ends, and whatever the child is at.</summary>
internal static class ParentWatch
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(400);

    /// <summary>
    /// Starts to watch. The parent gives a child's pipes their end as well, but one that is busy, or asleep in a fault, does not read them.
    /// </summary>
    /// <param name="started">The parent, if it has said who it is: it may have ended before this begins. 0 for the parent of now.</param>
    public static void Start(int started = 0)
    {
        int parent = started != 0 ? started : ParentId();
        ManualResetEventSlim never = new();
        new Thread(Watch) { IsBackground = true, Name = "parent-watch" }.Start();
        // One whose pipes are broken may end of that before it has looked.
        AppDomain.CurrentDomain.ProcessExit += (_, _) => LeaveNothing();

        void Watch()
        {
            while (ParentId() == parent) _ = never.Wait(BetweenLooks);
            LeaveNothing();
            ImmediateEnd.With(ExitCode.Failed);
        }

        // Who is killed removes nothing itself.
        void LeaveNothing()
        {
            if (ParentId() != parent) TemporaryFolder.LeaveNothingOfParent();
        }
    }

#pragma warning disable SYSLIB1054 // The source-generated form needs unsafe code, which this project does without.
    [DllImport("libc", EntryPoint = "getppid")]
    private static extern int ParentId();
#pragma warning restore SYSLIB1054
}
