using System.Globalization;
using UffdActors.Abi;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;
using UffdActors.Linux;
using UffdActors.Linux.Machine;
using UffdActors.Linux.Native;
using UffdActors.Linux.Needs;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;

namespace UffdActors.Recorder.Execution;

/// <summary>
/// Executes the steps of a program on the kernel of this machine and observes the fields of the trace format. Everything runs on one CPU by
/// strict priorities, this thread first, then the accessors by number; after each step it waits until every accessor has finished or sleeps
/// in a userfaultfd, read from <c>/proc</c> (trace format, section 3).
/// </summary>
/// <remarks>
/// For a process of its own: a step may leave it hanging, or end it by a signal. No forks (managed code must not run in a forked child), so
/// no <c>fork</c> and <c>exit</c>.
/// </remarks>
internal sealed class LiveExecutor : IDisposable
{
    /// <summary>Name of the program's files in <c>/proc</c>.</summary>
    public const string FilePrefix = "uffd-program-";

    private const int Accessors = 4;
    private const int MainPriority = 50;
    private const int InterruptSignal = 12;
    private const int FirstPauseMicroseconds = 20;
    private const int LongestPauseMicroseconds = 500;

    private readonly LiveText _text;
    private readonly TraceHeader _header;
    private readonly Accessor[] _accessors;
    private readonly Scratch _scratch = new();
    private readonly List<int> _handles = [];
    private readonly SortedDictionary<int, LiveFile> _files = [];
    private readonly bool _byDevice = RawCalls.NeedsDevice();
    private string? _lastVmas;
    private List<FileState>? _lastFiles;

    /// <summary>Maps the memory with which programs start, and binds this thread to the CPU.</summary>
    /// <param name="header">Where things lie.</param>
    /// <param name="cpu">CPU on which everything runs.</param>
    /// <exception cref="UnsupportedMachineException">Real-time priorities are not permitted.</exception>
    public LiveExecutor(TraceHeader header, int cpu)
    {
        _header = header;
        _text = new LiveText(header);
        RawCalls.DisableTransparentHugePages();
        RawCalls.IgnoreWithHandler(InterruptSignal);
        MapSources();
        _accessors = [.. Enumerable.Range(0, Accessors).Select(n => new Accessor(n, cpu, MainPriority - 1 - n))];
        ThreadPlacement.BindTo(cpu);
        ThreadPlacement.SetRealTimePriority(MainPriority);
    }

    /// <summary>Executes a step and returns the observation.</summary>
    public Observation Execute(ProgramStep step)
    {
        if (step.Op == ProgramOp.Final) return Final();
        Observation observation = Perform(step);
        Observe(observation);
        return observation;
    }

    /// <summary>Restores the state of the start, for the next program.</summary>
    /// <returns>False if that is impossible: a thread still sleeps.</returns>
    public bool TryReset()
    {
        for (int i = 0; i < _handles.Count; i++) CloseHandle(i);
        _handles.Clear();
        Rest();
        foreach (Accessor accessor in _accessors)
        {
            if (accessor.Call is null) continue;
            if (!accessor.IsFinished) return false;
            _ = accessor.Take();
        }

        _ = RawCalls.Unmap(_header.ArenaStart, _header.ArenaEnd - _header.ArenaStart);
        foreach (LiveFile file in _files.Values) _ = RawCalls.Close(file.Descriptor);
        _files.Clear();
        _lastVmas = null;
        _lastFiles = null;
        return true;
    }

    public void Dispose() => _ = TryReset();

    private Observation Perform(ProgramStep step)
    {
        switch (step.Op)
        {
            case ProgramOp.Open:
                return NewHandle(RawCalls.Userfaultfd(step.Word, _byDevice));
            case ProgramOp.Dup:
                return NewHandle(RawCalls.Duplicate(_handles[step.Handle]));
            case ProgramOp.Close:
                CloseHandle(step.Handle);
                Rest();
                return new Observation { Return = 0 };
            case ProgramOp.File:
                return NewFile(step);
            case ProgramOp.Signal:
                CallResult sent = RawCalls.Signal(_accessors[step.Thread!.Value].ThreadId, InterruptSignal);
                Rest();
                return Result(sent);
            default:
                return Call(step);
        }
    }

    private Observation Call(ProgramStep step)
    {
        if (step.Thread is not { } number)
        {
            LiveCall mine = new(step, DescriptorOf(step), _scratch);
            mine.Execute();
            Rest();
            return ResultOf(mine);
        }

        Accessor accessor = _accessors[number];
        accessor.Start(new LiveCall(step, DescriptorOf(step), accessor.Scratch));
        Rest();
        return accessor.IsFinished ? ResultOf(accessor.Take()) : new Observation { Result = "blocked", Wait = accessor.Wait() };
    }

    /// <summary>Waits until every accessor has finished or sleeps in a userfaultfd. Nothing else can run meanwhile on this CPU.</summary>
    private void Rest()
    {
        int pause = FirstPauseMicroseconds;
        while (!Array.TrueForAll(_accessors, a => a.Call is null || a.IsFinished || a.Wait() is not null))
        {
            RawCalls.Sleep(pause);
            pause = Math.Min(pause * 2, LongestPauseMicroseconds);
        }
    }

    private int DescriptorOf(ProgramStep step)
    {
        if (StepSchema.HasHandle(step.Op)) return _handles[step.Handle];
        bool isOfFile = step.Op is ProgramOp.Fallocate or ProgramOp.Punch or ProgramOp.Truncate or ProgramOp.Fwrite
            || (step.Op == ProgramOp.Mmap && step.Kind != "anon");
        return isOfFile ? _files[step.Number].Descriptor : -1;
    }

    private Observation NewHandle(CallResult made)
    {
        if (made.Return == -1) return Result(made);
        _handles.Add((int)made.Return);
        return new Observation { Return = 0, As = _handles.Count - 1 };
    }

    private void CloseHandle(int handle)
    {
        if (_handles[handle] < 0) return;
        _ = RawCalls.Close(_handles[handle]);
        _handles[handle] = -1;
    }

    private Observation NewFile(ProgramStep step)
    {
        bool huge = step.Kind == "htlb";
        CallResult made = RawCalls.CreateMemfd(string.Create(CultureInfo.InvariantCulture, $"{FilePrefix}{step.Number}"), huge);
        if (made.Return == -1) return Result(made);
        _files.Add(step.Number, new LiveFile((int)made.Return, huge));
        return Result(RawCalls.Truncate((int)made.Return, step.Length));
    }

    private Observation ResultOf(LiveCall call)
    {
        ProgramStep step = call.Step;
        if (step.Op == ProgramOp.Access)
        {
            string result = call.Result.Return == -1
                ? "err:" + call.Result.Error
                : string.Create(CultureInfo.InvariantCulture, $"ok:{call.Value}");
            return new Observation { Result = result };
        }

        if (step.Op == ProgramOp.Poll) return new Observation { Revents = (int)call.Result.Return };
        Observation o = Result(call.Result);
        switch (step.Op)
        {
            case ProgramOp.Copy or ProgramOp.Move or ProgramOp.Zeropage or ProgramOp.Continue or ProgramOp.Poison:
                o.Out = call.Words[^1] == LiveCall.Untouched ? "untouched" : ((long)call.Words[^1]).ToString(CultureInfo.InvariantCulture);
                break;
            case ProgramOp.Register:
                o.Out = call.Words[^1] == LiveCall.Untouched ? "untouched" : ModelText.Hex(call.Words[^1]);
                break;
            case ProgramOp.Api when step.Pointer != ArgumentPointer.Null:
                o.Out = string.Join(' ', call.Words.Select(ModelText.Hex));
                break;
            case ProgramOp.Read when call.Result.Return >= 0:
                o.Messages = [.. call.Messages.Select(m => ModelText.MessageOf(WithAccessor(m), handle: 0))];
                break;
        }

        return o;
    }

    // A message names a thread by the kernel's number, a trace by the accessor's; the writer counts from 1.
    private UffdMsg WithAccessor(UffdMsg message)
    {
        if (message.Event != UffdEvent.Pagefault || message.ThreadId == 0) return message;
        int number = Array.FindIndex(_accessors, a => a.ThreadId == (int)message.ThreadId);
        return UffdMsg.Pagefault(message.Flags, message.Address, (uint)(number + 1));
    }

    private static Observation Result(CallResult result) => result.Return == -1
        ? new Observation { Return = -1, Error = result.Error.ToString() }
        : new Observation { Return = result.Return };

    private void Observe(Observation o)
    {
        List<FinishedThread> finished = [];
        foreach (Accessor accessor in _accessors)
        {
            if (accessor.Call is not null && accessor.IsFinished)
                finished.Add(new FinishedThread(accessor.Number, ResultOf(accessor.Take())));
        }

        if (finished.Count > 0) o.Finished = finished;
        o.Queues = Queues();
        string vmas = _text.Lines(_text.ReadVmas(), IsHuge);
        if (vmas != _lastVmas) o.Vmas = _lastVmas = vmas;
        List<FileState> files = [.. _files.Select(f => LiveText.StateOf(f.Key, f.Value.Descriptor, f.Value.IsHuge))];
        if (_lastFiles is null || !files.SequenceEqual(_lastFiles)) o.Files = _lastFiles = files;
    }

    private List<(int, int, int)> Queues()
    {
        List<(int, int, int)> queues = [];
        for (int i = 0; i < _handles.Count; i++)
        {
            if (_handles[i] < 0) continue;
            UffdFdInfo info = UffdFdInfo.Read(Environment.ProcessId, _handles[i]);
            queues.Add((i, info.Pending, info.Total));
        }

        return queues;
    }

    private Observation Final() => new()
    {
        FinalFiles = [.. _files.Select(f => ContentOf(f.Key, f.Value))],
        FinalPages = FinalPages(),
    };

    private FileContent ContentOf(int number, LiveFile file)
    {
        long bytes = LiveText.SizeOf(file.Descriptor);
        if (file.IsHuge) return new FileContent(number, bytes, []);
        List<string?> pages = [];
        byte[] page = new byte[PageSize.Base];
        for (long at = 0; at < bytes; at += PageSize.Base)
        {
            if (!LiveText.HasData(file.Descriptor, at))
            {
                pages.Add(null);
                continue;
            }

            int count = (int)RawCalls.PRead(file.Descriptor, _scratch.Writable, PageSize.Base, at).Return;
            RawCalls.ReadBytes(_scratch.Writable, page.AsSpan(0, count));
            pages.Add(LiveText.Runs(page.AsSpan(0, count)));
        }

        return new FileContent(number, bytes, pages);
    }

    private List<(ulong, string)> FinalPages()
    {
        List<(ulong, string)> pages = [];
        foreach (LiveVma vma in _text.ReadVmas())
        {
            ulong stride = LiveText.StrideOf(vma, IsHuge);
            byte[] content = new byte[stride];
            for (ulong address = vma.Start; address < vma.End; address += stride)
                pages.Add((address, TryCopyOut(address, content) ? LiveText.Runs(content) : vma.IsReadable ? "sigbus" : "sigsegv"));
        }

        return pages;
    }

    // Through the kernel: what would be a signal for a load is EFAULT here.
    private bool TryCopyOut(ulong address, Span<byte> content)
    {
        for (int at = 0; at < content.Length; at += PageSize.Base)
        {
            if (RawCalls.Write(_scratch.PipeWrite, address + (ulong)at, PageSize.Base).Return != PageSize.Base) return false;
            _ = RawCalls.Read(_scratch.PipeRead, _scratch.Writable, PageSize.Base);
            RawCalls.ReadBytes(_scratch.Writable, content.Slice(at, PageSize.Base));
        }

        return true;
    }

    private bool IsHuge(int file) => _files[file].IsHuge;

    /// <summary>The source buffers of COPY (trace format, section 1).</summary>
    private void MapSources()
    {
        const int Filled = 18;
        const int Unmapped = 16;
        const int Unreadable = 18;
        const int Last = 19;
        for (int i = 0; i <= Last; i++)
        {
            if (i == Unmapped) continue;
            ulong page = _header.Source + ((ulong)i << PageSize.BaseShift);
            MapSource(page, PageSize.Base);
            if (i < Filled) RawCalls.Fill(page, PageSize.Base, (byte)(0x40 + i));
            if (i == Unreadable) _ = RawCalls.Protect(page, PageSize.Base, Mm.PROT_NONE);
        }

        MapSource(_header.HugeSource, 2 * PageSize.Huge);
        for (int i = 0; i < 2; i++) RawCalls.Fill(_header.HugeSource + ((ulong)i * PageSize.Huge), PageSize.Huge, (byte)(0xA0 + i));
    }

    private static void MapSource(ulong address, long bytes)
    {
        CallResult mapped = RawCalls.Map(
            address, (ulong)bytes, Mm.PROT_READ | Mm.PROT_WRITE, Mm.MAP_PRIVATE | Mm.MAP_ANONYMOUS | Mm.MAP_FIXED_NOREPLACE, -1, 0);
        if (mapped.Return == -1)
            throw new SyscallException($"mmap(0x{address:x})", mapped.Error, "the program's addresses are taken in this process.");
    }

    private sealed record LiveFile(int Descriptor, bool IsHuge);
}
