namespace UffdActors.Vcpus;

/// <summary>
/// Ranks with the popularity 1/rank^0.99, after Gray et al., "Quickly generating billion-record synthetic databases" (1994): one random
/// number a draw.
/// </summary>
internal sealed class ZipfGenerator
{
    private const double Exponent = 0.99;
    private const int ExactTerms = 10_000;

    private readonly long _items;
    private readonly double _zeta;
    private readonly double _eta;
    private readonly double _second = Math.Pow(0.5, Exponent);

    public ZipfGenerator(long items)
    {
        _items = items;
        _zeta = Zeta(items);
        _eta = (1 - Math.Pow(2.0 / items, 1 - Exponent)) / (1 - (Zeta(2) / _zeta));
    }

    /// <summary>A rank from 0, for a chance in [0, 1).</summary>
    public long Next(double chance)
    {
        double scaled = chance * _zeta;
        if (scaled < 1 || _items == 1) return 0;
        if (scaled < 1 + _second) return 1;
        return Math.Min(_items - 1, (long)(_items * Math.Pow((_eta * chance) - _eta + 1, 1 / (1 - Exponent))));
    }

    // The sum of 1/i^s; behind the first terms the integral, which is as good and takes no time for a terabyte.
    private static double Zeta(long items)
    {
        double sum = 0;
        for (long i = 1; i <= Math.Min(items, ExactTerms); i++) sum += Math.Pow(i, -Exponent);
        if (items > ExactTerms) sum += (Math.Pow(items + 0.5, 1 - Exponent) - Math.Pow(ExactTerms + 0.5, 1 - Exponent)) / (1 - Exponent);
        return sum;
    }
}
