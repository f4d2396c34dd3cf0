using System.Globalization;
using System.Text;
using UffdActors.Explore.Campaigns;
using UffdActors.Explore.Reports;
using UffdActors.Explore.Runs;
using UffdActors.Explore.Scenarios;
using UffdActors.Explore.Scenes;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;

namespace UffdActors.Explore.Emit;

/// <summary>
/// The user-space side of a run as a small C program that needs nothing but libc and the kernel's headers: its memory, its userfaultfds,
/// its threads, and every call in the order of the run. The main thread forces the order: it starts a call of a thread and waits until the
/// thread has ended its call or sleeps in it.
/// </summary>
internal sealed class CProgram
{
    private readonly Scenario _scenario;
    private readonly IReadOnlyList<ScriptCall> _calls;
    private readonly StringBuilder _text = new();
    private readonly HashSet<ulong> _written = [];
    private readonly List<string> _comment;

    private CProgram(Scenario scenario, IReadOnlyList<ScriptCall> calls, List<string> comment)
    {
        _scenario = scenario;
        _calls = calls;
        _comment = comment;
    }

    /// <summary>Makes the run of a replay file again, and emits it.</summary>
    /// <exception cref="NotExpressibleException">The run has no user-space side that could be repeated.</exception>
    public static string Of(ReplayFile replay, Explorer explorer)
    {
        if (replay.Mutant is { } mutant)
            throw new NotExpressibleException($"it is a run of the mutant {mutant}, whose bug is in this program and not in the kernel");
        Scenario scenario = ScenarioText.Parse(replay.Name, string.Join('\n', replay.Scenario));
        List<string> comment = [
            $"Found by policy {replay.Policy}, seed {replay.Seed.ToString(CultureInfo.InvariantCulture)}: {replay.Invariant}: "
                + $"{replay.Sentence}."];
        return Of(scenario, replay.Choices, explorer, comment);
    }

    /// <summary>Makes a run of a scenario, and emits it.</summary>
    /// <param name="scenario">Scenario.</param>
    /// <param name="choices">Choices of the run.</param>
    /// <param name="explorer">Makes it.</param>
    /// <param name="comment">Lines for the comment at its head.</param>
    /// <exception cref="NotExpressibleException">The run has no user-space side that could be repeated.</exception>
    public static string Of(Scenario scenario, IReadOnlyList<int> choices, Explorer explorer, List<string> comment)
    {
        foreach (RegionPlan region in scenario.Regions)
        {
            if (region.Memory == MemoryKind.GuestMemfd)
                throw new NotExpressibleException(
                    $"region {region.Name} is guest-memfd, which needs a KVM guest and a kernel with the merged operations table");
            if (region.Memory == MemoryKind.Hugetlb)
                throw new NotExpressibleException(
                    $"region {region.Name} is hugetlb, whose pages come from a pool that the whole machine shares");
        }

        foreach (ThreadAction action in scenario.Threads.SelectMany(t => t.Actions))
        {
            if (action.Kind is ActionKind.Exit or ActionKind.ReadChild or ActionKind.MremapKeep or ActionKind.Peek)
                throw new NotExpressibleException($"\"{action.Format(scenario)}\" is done in it, which such a program does not do");
        }

        using RunScript script = new(scenario);
        RunResult result = explorer.Run(new RunRequest { Scenario = scenario, Choices = choices, Observer = script });
        foreach (((string Point, string Outcome) fault, long count) in explorer.CoverageOf(scenario).Faults)
        {
            if (count > 0 && fault.Outcome == "happened" && (fault.Point is "fill.eagain" or "module.fail"))
                throw new NotExpressibleException($"{fault.Point} is injected in it, which user space cannot do");
        }

        IReadOnlyList<ScriptCall> calls = script.InOrder();
        if (script.Obstacle is { } obstacle) throw new NotExpressibleException(obstacle);
        using (WholeCalls whole = new(explorer.HostOf(scenario)))
        {
            if (whole.FirstDifference(calls) is { } difference)
            {
                throw new NotExpressibleException(
                    "its calls have interleaved more finely than whole calls do: one after the other, in the order in which they took "
                    + "effect, "
                    + difference);
            }
        }

        comment.Add(
            result.Violation is { } violation
                ? $"In the model this run breaks {violation.Invariant}: {violation.Sentence}."
                : "In the model this run breaks no invariant.");
        return new CProgram(scenario, calls, comment).Write();
    }

    private string Write()
    {
        Line("/*");
        Line($" * {Safe(_scenario.Name)}: {Safe(_scenario.Summary)}.");
        foreach (string line in _comment) Line($" * {Safe(line)}");
        Line($" * Kernel of the model: {_scenario.Kernel.Name}. Every call stands where it took effect in the run; what may sleep, where "
            + $"it began.");
        Line(" * Build: gcc -Wall -Wextra -Werror -pthread. Needs permission to open a userfaultfd. Ends by itself; exit 0: every result "
            + "is that of the run.");
        Line(" */");
        _text.Append(CRuntime.Head);
        Globals();
        for (int i = 0; i < _scenario.Threads.Length; i++) Thread(i);
        Main();
        return _text.ToString();
    }

    private void Globals()
    {
        Line($"#define REGIONS {N(_scenario.Regions.Length)}");
        for (int i = 0; i < _scenario.Regions.Length; i++)
        {
            RegionPlan region = _scenario.Regions[i];
            Line($"/* region {Safe(region.Name)}: {N(region.Pages)} pages */");
            Line($"#define R{N(i)} {Address(_scenario.Layout.AddressOf(i, 0))}");
            Line($"static char source{N(i)}[{N(region.Pages)} * PAGE] __attribute__((aligned(4096), unused));");
            if (IsFile(region)) Line($"static int file{N(i)} = -1;");
        }

        for (int i = 0; i < _scenario.Contexts.Length; i++) Line($"static int uffd{N(i)} = -1; /* {Safe(_scenario.Contexts[i].Name)} */");
        for (int i = 0; i < _scenario.Threads.Length; i++)
            Line($"static struct thread t{N(i)} = {{ .name = \"{Safe(_scenario.Threads[i].Name)}\" }};");
        Line("static struct thread conductor __attribute__((unused)) = { .name = \"set-up\" };");
        Line("");
    }

    private void Thread(int number)
    {
        Line($"static void *run_t{N(number)}(void *arg)");
        Line("{");
        Line("\tstruct thread *me = arg;");
        Line("");
        Line("\tenter(me);");
        int begun = _calls.Count(c => c.Kind == CallKind.Action && c.Thread == number);
        for (int i = 0; i < begun; i++)
        {
            Line("\tbegin(me);");
            Line("\t" + Do(_scenario.Threads[number].Actions[i], PageContent.OfWrite(number, i), "me"));
            Line("\tend(me);");
        }

        Line("\treturn NULL;");
        Line("}");
        Line("");
    }

    private void Main()
    {
        Line("int main(void)");
        Line("{");
        Line("\tset_up();");
        for (int i = 0; i < _scenario.Regions.Length; i++) MapRegion(i);
        for (int i = 0; i < _scenario.Contexts.Length; i++)
        {
            Line($"\tuffd{N(i)} = open_uffd(0x{(ulong)_scenario.Contexts[i].Features:x}ULL);");
            foreach (Registered registered in _scenario.Contexts[i].Registered)
                Line($"\tregister_range(uffd{N(i)}, R{N(registered.Region)}, {N(_scenario.Regions[registered.Region].Pages)} * PAGE, "
                    + $"{N((int)registered.Modes)});");
        }

        foreach (ThreadAction action in _scenario.Setup) Line("\t" + Do(action, PageContent.OfWrite(0xFF, 0), "(&conductor)"));

        for (int i = 0; i < _scenario.Threads.Length; i++) Line($"\tspawn(&t{N(i)}, run_t{N(i)});");
        Line("");
        int[] last = Enumerable.Repeat(-1, _scenario.Threads.Length).ToArray();
        Dictionary<(int, int), ScriptCall> actions = _calls.Where(c => c.Kind == CallKind.Action).ToDictionary(c => (c.Thread, c.Action));
        ScriptCall? before = null;
        foreach (ScriptCall call in _calls)
        {
            // Merged with the next read, which would return the same messages.
            if (call.Kind == CallKind.Read && before?.Kind == CallKind.Read && before.Context == call.Context) continue;
            before = call;
            if (call.Kind == CallKind.Action)
            {
                if (last[call.Thread] >= 0) Await(actions[(call.Thread, last[call.Thread])]);
                last[call.Thread] = call.Action;
                Line($"\tstart(&t{N(call.Thread)}, \"{Safe(Action(call).Format(_scenario))}\");");
            }
            else
            {
                Conduct(call);
            }
        }

        Line("");
        for (int i = 0; i < _scenario.Contexts.Length; i++)
        {
            if (_scenario.Contexts[i].Handlers > 0) Line($"\tserve(uffd{N(i)});");
        }

        for (int i = 0; i < last.Length; i++)
        {
            if (last[i] >= 0) Await(actions[(i, last[i])]);
        }

        Line("\tverdict();");
        Line("}");
    }

    private ThreadAction Action(ScriptCall call) => _scenario.Threads[call.Thread].Actions[call.Action];

    private void Await(ScriptCall call)
    {
        ThreadAction action = Action(call);
        string thread = $"&t{N(call.Thread)}";
        if (!call.HasEnded) Line($"\tnot_ended({thread});");
        // The messages that a read returns depend on when the kernel has queued them, not on the order of calls.
        else if (action.Kind == ActionKind.Drain) Line($"\tended({thread});");
        else if (call.Outcome is { } outcome)
            Line($"\tended_access({thread}, {SignalOf(outcome)}, {(action.Kind == ActionKind.Read ? 1 : 0)}, 0x{call.Value:x}ULL);");
        else Line($"\tended_call({thread}, {N((int)call.Error)});");
    }

    private void Conduct(ScriptCall call)
    {
        string uffd = $"uffd{N(call.Context)}";
        switch (call.Kind)
        {
            case CallKind.Read:
                Line($"\tserve({uffd});");
                break;
            case CallKind.Wake:
                Line($"\twake({uffd}, {Address(call.Address)}, {N((long)call.Length)});");
                break;
            case CallKind.ClearProtection:
                Line($"\texpect(\"clear protection of {Place(call.Address)}\", write_protect({uffd}, {Address(call.Address)}, PAGE, 0), "
                    + $"{N((int)call.Error)});");
                break;
            case CallKind.PopulateAlias:
                Line($"\t(void)*(volatile char *){Address(call.Address)};");
                break;
            case CallKind.Fill:
                ConductFill(call, uffd);
                break;
        }
    }

    private void ConductFill(ScriptCall call, string uffd)
    {
        (int region, int page) = RegionLayout.PlaceOf(call.Address);
        int pages = (int)(call.Length >> PageSize.BaseShift);
        if (call.Fill == FillKind.Continue && _scenario.Regions[region].Alias)
        {
            for (int i = page; i < page + pages; i++)
            {
                if (!_written.Add(_scenario.Layout.AddressOf(region, i)) || _scenario.Regions[region].Zeros.Contains(i)) continue;
                Line($"\tmemcpy((char *)(R{N(region)} + ALIAS) + {N(i)} * PAGE, source{N(region)} + {N(i)} * PAGE, PAGE);");
            }
        }

        string expected = call.Out is { } written ? N(written) : "UNTOUCHED";
        string what = $"\"{call.Fill} {Place(call.Address)}, {N(pages)} page{(pages == 1 ? "" : "s")}\"";
        string arguments = $"{uffd}, {Address(call.Address)}, {N((long)call.Length)}";
        string done = call.Fill switch
        {
            FillKind.Copy => $"copy({arguments}, {SourceOf(call)}, {N((long)call.Modes)}, &out)",
            FillKind.ZeroPage => $"zeropage({arguments}, &out)",
            FillKind.Continue => $"cont({arguments}, &out)",
            _ => $"poison({arguments}, &out)",
        };
        Line($"\texpect_fill({what}, {done}, {N((int)call.Error)}, {expected});");
    }

    // A region that has moved is still filled with its own content.
    private static string SourceOf(ScriptCall call) =>
        PageContent.PlaceOf(call.Content) is var (region, page) ? $"source{N(region)} + {N(page)} * PAGE" : "zeros";

    private void MapRegion(int number)
    {
        RegionPlan region = _scenario.Regions[number];
        string size = $"{N(region.Pages)} * PAGE";
        for (int page = 0; page < region.Pages; page++)
        {
            if (!region.Zeros.Contains(page))
                Line($"\tfill_source(source{N(number)}, {N(page)}, 0x{PageContent.OfPage(number, page):x}ULL);");
        }

        if (region.Memory == MemoryKind.Nothing) return;
        if (IsFile(region)) Line($"\tfile{N(number)} = new_file({size});");
        string file = IsFile(region) ? $"file{N(number)}" : "-1";
        bool isPrivate = region.Memory is MemoryKind.Anonymous or MemoryKind.ShmemPrivate;
        Line($"\tmap(R{N(number)}, {size}, {file}, {(isPrivate ? 1 : 0)});");
        if (!region.Alias) return;
        Line($"\tmap(R{N(number)} + ALIAS, {size}, {file}, 0);");
        Line($"\tmemset((void *)(R{N(number)} + ALIAS), 0, {size});");
    }

    /// <summary>The statement of an action; it leaves its result in <c>me</c>.</summary>
    private static string Do(ThreadAction action, ulong value, string me)
    {
        string at = $"R{N(action.Region)} + {N(action.Page)} * PAGE";
        string other = $"R{N(action.OtherRegion)} + {N(action.OtherPage)} * PAGE";
        string length = $"{N(action.Count)} * PAGE";
        string uffd = $"uffd{N(action.Context)}";
        string source = $"source{N(action.Region)} + {N(action.Page)} * PAGE";
        string call = action.Kind switch
        {
            ActionKind.Read => $"touch({at}, 0, 0, &{me}->value)",
            ActionKind.Write => $"touch({at}, 1, 0x{value:x}ULL, &{me}->value)",
            ActionKind.DontNeed => $"advise({at}, {length}, MADV_DONTNEED)",
            ActionKind.Remove => $"advise({at}, {length}, MADV_REMOVE)",
            ActionKind.PageOut => $"advise({at}, {length}, MADV_PAGEOUT)",
            ActionKind.Munmap => $"unmap({at}, {length})",
            ActionKind.Mremap => $"remap({at}, {length}, {other})",
            ActionKind.Punch => $"punch(file{N(action.Region)}, {N(action.Page)} * PAGE, {length})",
            ActionKind.Fork => "fork_child()",
            ActionKind.Register => $"register_call({uffd}, {at}, {length}, {N((int)RegisterModes.Missing)})",
            ActionKind.Unregister => $"unregister({uffd}, {at}, {length})",
            ActionKind.Close => $"close_uffd({uffd})",
            ActionKind.Copy => $"copy({uffd}, {at}, {length}, {source}, 0, &{me}->out)",
            ActionKind.CopyWp => $"copy({uffd}, {at}, {length}, {source}, UFFDIO_COPY_MODE_WP, &{me}->out)",
            ActionKind.CopyFrom => $"copy({uffd}, {at}, {length}, (void *)({other}), 0, &{me}->out)",
            ActionKind.Zeropage => $"zeropage({uffd}, {at}, {length}, &{me}->out)",
            ActionKind.Continue => $"cont({uffd}, {at}, {length}, &{me}->out)",
            ActionKind.Poison => $"poison({uffd}, {at}, {length}, &{me}->out)",
            ActionKind.Protect => $"write_protect({uffd}, {at}, {length}, 1)",
            ActionKind.Unprotect => $"write_protect({uffd}, {at}, {length}, 0)",
            ActionKind.Move => $"move({uffd}, {at}, {other}, {length}, &{me}->out)",
            ActionKind.Wake => $"wake({uffd}, {at}, {length})",
            _ => $"read_all({uffd}, 0)",
        };
        return $"{me}->result = {call};";
    }

    private string Place(ulong address)
    {
        (int region, int page) = RegionLayout.PlaceOf(address);
        return $"{Safe(_scenario.Regions[region].Name)} {N(page)}";
    }

    private static string SignalOf(AccessOutcome outcome) => outcome switch
    {
        AccessOutcome.SigBus => "SIGBUS",
        AccessOutcome.SigSegv => "SIGSEGV",
        _ => "0",
    };

    private static bool IsFile(RegionPlan region) => region.Memory is MemoryKind.Shmem or MemoryKind.ShmemPrivate;

    private static string Address(ulong address) => $"0x{address:x}ULL";

    private static string N(long number) => number.ToString(CultureInfo.InvariantCulture);

    // Names and summaries come from a file of the user's, and stand in comments and strings of the program.
    private static string Safe(string text) =>
        text.Replace("*/", "* /", StringComparison.Ordinal).Replace("\\", "/", StringComparison.Ordinal).Replace('"', '\'')
            .ReplaceLineEndings(" ");

    private void Line(string line) => _text.Append(line).Append('\n');
}
