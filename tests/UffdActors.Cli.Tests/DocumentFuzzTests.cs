using System.Text.Json.Nodes;
using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Tests;

/// <summary>
/// Documents in which one thing is another: each is read, or refused in one line; nothing is a crash, a hang, or memory without bound.
/// </summary>
public sealed class DocumentFuzzTests : IDisposable
{
    /// <summary>What takes the place of a value.</summary>
    private static readonly string[] Wrong =
        ["null", "true", "-1", "0", "1e308", "2147483647", "9223372036854775807", "99999999999999999999", "\"\"", "\"x\"",
            "\"\\u0000\\u001b[2J\"", "[]", "[null]", "[[]]", "{}", "{\"x\": null}"];

    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    [Fact]
    public async Task Of_the_documents_of_a_benchmark()
    {
        string good = _place.Path("good.json");
        (await CommandRun.Of("bench", "faults", "--pages", "500", "--repeats", "2", "--vcpus", "1", "--vms", "2", "--json", good)).EndsWith(
            ExitCode.Done);
        string bad = _place.Path("bad.json");
        // The place that the bad one has in the comparison takes turns.
        bool isFirst = false;
        foreach ((string path, string text) in Variants(await File.ReadAllTextAsync(good)))
        {
            await File.WriteAllTextAsync(bad, text);
            isFirst = !isFirst;
            await HoldsAsync(path, ["bench", "compare", .. isFirst ? [bad, good] : (string[])[good, bad]]);
        }
    }

    [Fact]
    public async Task Of_replay_files()
    {
        string good = Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Replays"), "*.json").Order(StringComparer.Ordinal).First();
        string bad = _place.Path("bad.json");
        foreach ((string path, string text) in Variants(await File.ReadAllTextAsync(good)))
        {
            await File.WriteAllTextAsync(bad, text);
            await HoldsAsync(path, ["replay", bad]);
        }
    }

    [Fact]
    public async Task Of_the_numbers_of_a_scenario()
    {
        const string Scenario = """
            version = 1
            memory-pages = 32
            regions { ram { pages = 4, memory = shmem, alias = on }, spot { pages = 4, memory = anonymous } }
            contexts { uffd { register.ram = [missing, wp], handlers = 1, features = [event-remove] } }
            threads { a = ["read ram 1", "madvise dontneed ram 1 2"], b = ["write ram 3"] }
            """;
        string file = _place.Path("own.conf");
        foreach (System.Text.RegularExpressions.Match number in System.Text.RegularExpressions.Regex.Matches(Scenario, "[0-9]+"))
        {
            foreach (string other in (string[])[
                "-1", "0", "1.5", "2147483647", "2147483648", "99999999999999999999", "x", "\"\"", "${x}", "[1]", "{}", "1e9"])
            {
                await File.WriteAllTextAsync(file, Scenario[..number.Index] + other + Scenario[(number.Index + number.Length)..]);
                await HoldsAsync($"{number.Index}: {other}", ["explore", "--scenario", file, "--schedules", "3", "--threads", "1"]);
            }
        }
    }

    private static async Task HoldsAsync(string what, string[] command)
    {
        CommandRun run;
        try
        {
            run = await CommandRun.Of(command).WaitAsync(TimeSpan.FromMinutes(5));
        }
        catch (Exception e)
        {
            Assert.Fail($"{command[0]} {command[1]} with {what}: {e}");
            throw;
        }

        Assert.True(run.ExitCode is ExitCode.Done or ExitCode.Failed or ExitCode.BadInput, $"{what}: {run.ExitCode} {run.Error}");
        if (run.ExitCode != ExitCode.BadInput) return;
        Assert.True(run.Error.TrimEnd().Split('\n').Length == 1 && run.Error.Length is > 10 and < 1000, $"{what}: {run.Error}");
        Assert.DoesNotContain('\u001b', run.Error);
    }

    /// <summary>The document with each of its values, and each of its objects and lists, replaced or taken out.</summary>
    private static IEnumerable<(string Path, string Text)> Variants(string text)
    {
        JsonNode root = JsonNode.Parse(text)!;
        List<string> paths = [.. Paths(root)];
        foreach (string path in paths)
        {
            foreach (string? wrong in (string?[])[null, .. Wrong])
            {
                JsonNode copy = JsonNode.Parse(text)!;
                if (!TryReplace(copy, path, wrong, out JsonNode? changed)) continue;
                yield return ($"{path} = {wrong ?? "(absent)"}", changed?.ToJsonString() ?? "null");
            }
        }
    }

    // Of lists the first two: the others are like them.
    private static IEnumerable<string> Paths(JsonNode? node, string path = "")
    {
        yield return path;
        if (node is JsonObject inner)
        {
            foreach ((string name, JsonNode? value) in inner)
            {
                foreach (string below in Paths(value, $"{path}/{name}")) yield return below;
            }
        }
        else if (node is JsonArray list)
        {
            for (int i = 0; i < Math.Min(2, list.Count); i++)
            {
                foreach (string below in Paths(list[i], $"{path}/{i}")) yield return below;
            }
        }
    }

    private static bool TryReplace(JsonNode root, string path, string? wrong, out JsonNode? changed)
    {
        changed = root;
        JsonNode? value = wrong is null ? null : JsonNode.Parse(wrong);
        if (path.Length == 0)
        {
            changed = value;
            return wrong is not null;
        }

        string[] steps = path[1..].Split('/');
        JsonNode at = root;
        foreach (string step in steps[..^1])
            at = at is JsonArray list ? list[int.Parse(step, System.Globalization.CultureInfo.InvariantCulture)]! : at[step]!;
        if (at is JsonArray last)
        {
            int index = int.Parse(steps[^1], System.Globalization.CultureInfo.InvariantCulture);
            if (wrong is null) last.RemoveAt(index);
            else last[index] = value;
        }
        else if (wrong is null) _ = at.AsObject().Remove(steps[^1]);
        else at[steps[^1]] = value;
        return true;
    }
}
