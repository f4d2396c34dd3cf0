using UffdActors.Abi;
using UffdActors.Conformance.Programs;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Files;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;

namespace UffdActors.Conformance.Replay;

/// <summary>
/// Observes in the model what a recorder on a real kernel would: results, messages, queues, VMA lists with page states, files.
/// </summary>
internal sealed class ModelObserver(ModelObjects objects)
{
    private readonly TextBuffer _vmaText = new();
    private readonly TextBuffer _fileText = new();

    /// <summary>What a call or access that sleeps waits for.</summary>
    public static string WaitOf(Operation operation) => operation switch
    {
        ReadMessages => "read",
        MapCall => "event",
        Access { IsSpinning: true } => "livelock",
        _ => "fault",
    };

    /// <summary>
    /// The result of a finished call or access. Adds the child of a fork, and the handles from messages, to the program's objects.
    /// </summary>
    public Observation ResultOf(RunningCall running)
    {
        Observation o = new();
        switch (running.Operation)
        {
            case Access access:
                o.Result = ModelText.OutcomeOf(access);
                return o;
            case Fill fill:
                SetError(o, fill.Error);
                o.Out = ModelText.OutOf(fill.Out);
                return o;
            case Move move:
                SetError(o, move.Error);
                o.Out = ModelText.OutOf(move.Out);
                return o;
            case Poll poll:
                o.Revents = poll.Events;
                return o;
            case ControlOperation call:
                SetError(o, call.Error);
                break;
        }

        switch (running.Operation)
        {
            case Handshake handshake when running.Step.Pointer != ArgumentPointer.Null:
                UffdioApi api = handshake.Result;
                o.Out = $"{ModelText.Hex(api.Api)} {ModelText.Hex(api.Features)} {ModelText.Hex(api.Ioctls)}";
                break;
            case Register register:
                o.Out = register.Ioctls is { } mask ? ModelText.Hex((ulong)mask) : "untouched";
                break;
            case ReadMessages { Error: Errno.None } read:
                ReadResult(o, read);
                break;
            case WriteFile { Error: Errno.None }:
                o.Return = 1;
                break;
            case ForkProcess { Child: { } child }:
                objects.AddChild(running.Step.Number, child);
                break;
        }

        return o;
    }

    private void ReadResult(Observation o, ReadMessages read)
    {
        o.Return = read.Count;
        int child = 0;
        List<string> messages = [];
        foreach (UffdMsg message in read.Messages)
        {
            int handle = message.Event == UffdEvent.Fork ? objects.AddHandle(read.Children[child++]) : 0;
            messages.Add(ModelText.MessageOf(message, handle));
        }

        o.Messages = messages;
    }

    private static void SetError(Observation o, Errno error)
    {
        o.Return = error == Errno.None ? 0 : -1;
        o.Error = error == Errno.None ? null : ModelText.NameOf(error);
    }

    /// <summary>Adds the state after a step to its observation: queues, and changed VMA lists and files.</summary>
    public void AddState(Observation o)
    {
        List<(int, int, int)> queues = [];
        for (int i = 0; i < objects.Handles.Count; i++)
        {
            if (objects.Handles[i] is { } context) queues.Add((i, context.Pending, context.Total));
        }

        o.Queues = queues;
        o.Vmas = VmasOf(objects.Mm, _vmaText);
        List<(int, string)>? changed = null;
        foreach ((int thread, ChildProcess child) in objects.Children)
        {
            if (VmasOf(child.Mm, child.Text) is { } list) (changed ??= []).Add((thread, list));
        }

        o.ChildVmas = changed;
        _fileText.Clear();
        foreach ((int number, MemoryFile file) in objects.Files) ModelText.AppendFile(_fileText, number, file);
        if (_fileText.TakeIfChanged() is not null) o.Files = [.. objects.Files.Select(f => ModelText.StateOf(f.Key, f.Value))];
    }

    /// <summary>State at the end: the content of every file and of every page.</summary>
    public Observation Final()
    {
        Observation o = new() { FinalFiles = [.. objects.Files.Select(f => ModelText.ContentOf(f.Key, f.Value))] };
        List<(ulong, string)> pages = [];
        Access access = new(objects.Main);
        foreach (Vma vma in objects.Mm.Map.Vmas.ToArray())
        {
            if (!objects.Arena.Contains(vma.Range)) continue;
            for (long page = vma.Range.Start; page < vma.Range.End; page += vma.Stride)
            {
                ulong address = PageSize.AddressOf(page);
                access.Begin(address, AccessKind.Read);
                objects.Kernel.Submit(access);
                objects.Kernel.Run();
                if (access.IsFinished)
                {
                    pages.Add((address, ModelText.PageContent(access, vma, objects.Mm.EntryAt(page))));
                    continue;
                }

                // A call that sleeps keeps its context, and so its registrations, beyond the last close (SEMANTICS 5.3.7).
                pages.Add((address, "blocked"));
                access = new Access(objects.Main);
            }
        }

        o.FinalPages = pages;
        return o;
    }

    /// <summary>The VMA list, one line a VMA; null if it has not changed.</summary>
    private string? VmasOf(AddressSpace mm, TextBuffer text)
    {
        text.Clear();
        foreach (Vma vma in mm.Map.Vmas)
        {
            if (objects.Arena.Contains(vma.Range)) ModelText.AppendVma(text, mm, vma, vma.File is { } file ? objects.NumberOf(file) : -1);
        }

        return text.TakeIfChanged();
    }
}
