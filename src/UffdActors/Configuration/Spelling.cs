namespace UffdActors.Configuration;

/// <summary>Whether one word may be another one that was mistyped.</summary>
internal static class Spelling
{
    private const int ShortWord = 5;

    /// <summary>
    /// True if the words differ in one letter, or in two where they are longer; upper case, hyphens and underscores count for nothing.
    /// </summary>
    public static bool IsNear(string word, string other)
    {
        string left = Plain(word), right = Plain(other);
        int allowed = Math.Min(left.Length, right.Length) < ShortWord ? 1 : 2;
        return Math.Abs(left.Length - right.Length) <= allowed && Distance(left, right) <= allowed;
    }

    private static string Plain(string word) => string.Concat(word.Where(c => c is not ('-' or '_' or '.'))).ToLowerInvariant();

    // Letters to be put in, left out, changed, or swapped with their neighbour.
    private static int Distance(string left, string right)
    {
        int[,] cost = new int[left.Length + 1, right.Length + 1];
        for (int i = 0; i <= left.Length; i++) cost[i, 0] = i;
        for (int j = 0; j <= right.Length; j++) cost[0, j] = j;
        for (int i = 1; i <= left.Length; i++)
        {
            for (int j = 1; j <= right.Length; j++)
            {
                int change = cost[i - 1, j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
                cost[i, j] = Math.Min(change, Math.Min(cost[i - 1, j], cost[i, j - 1]) + 1);
                if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                    cost[i, j] = Math.Min(cost[i, j], cost[i - 2, j - 2] + 1);
            }
        }

        return cost[left.Length, right.Length];
    }
}
