using UffdActors.Abi;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Model.Memory;
using UffdActors.Stress.Guest;

namespace UffdActors.Stress.Injection;

/// <summary>
/// A thread that fills pages outside of the fault loop, at the same time as the loop's ioctls, with DONTWAKE: the handler's fill gets
/// EEXIST, and the handler has to wake. For rounds without events only, where the shadow does not change during a lap.
/// </summary>
internal sealed class RawRacer
{
    private const int FillsPerPause = 16;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1);

    private readonly UffdDescriptor _uffd;
    private readonly ulong _address;
    private readonly ShadowPages _shadow;
    private readonly InjectedCounts _counts;
    private readonly ManualResetEventSlim _stop = new();
    private readonly Thread _thread;
    private readonly long _pages;
    private ulong _draws;
    private long _hint;

    public RawRacer(UffdDescriptor uffd, GuestRegion region, ShadowPages shadow, InjectedCounts counts, ulong seed)
    {
        _uffd = uffd;
        _address = region.Address;
        _pages = region.Pages;
        _shadow = shadow;
        _counts = counts;
        _draws = seed;
        _thread = new Thread(Race) { IsBackground = true, Name = "stress-racer" };
        _thread.Start();
    }

    /// <summary>A thread is about to touch this page. Any thread.</summary>
    public void Hint(long page) => Volatile.Write(ref _hint, page + 1);

    /// <summary>Stops it; when this returns, none of its fills is under way.</summary>
    public void Stop()
    {
        _stop.Set();
        _thread.Join();
        _stop.Dispose();
    }

    private void Race()
    {
        for (int i = 1; !_stop.IsSet; i++)
        {
            long page = Interlocked.Exchange(ref _hint, 0) - 1;
            if (page < 0) page = (long)(SplitMix.Next(ref _draws) % (ulong)_pages);
            Errno error = _uffd.Copy(
                _address + ((ulong)page << PageSize.BaseShift), (ulong)_shadow.AddressOf(page), PageSize.Base, FillModes.DontWake).Error;
            _counts.AddFill(error);
            if (error == Errno.None) _counts.Add(Injected.RacerFill);
            if (i % FillsPerPause == 0) _ = _stop.Wait(Pause);
        }
    }
}
