using Microsoft.Win32.SafeHandles;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Needs;
using UffdActors.Model.Backends;
using UffdActors.Model.Memory;
using UffdActors.Worlds;

namespace UffdActors.Linux.Live;

/// <summary>The memory of a region: what the guest sees, and the alias through which content goes in. Owns both.</summary>
internal sealed class LiveMemory : IDisposable
{
    private const string PopulateCall = "madvise(MADV_POPULATE_WRITE)";

    private readonly MemoryObject? _object;
    private readonly long _offset;
    private readonly Lazy<(MemoryObject File, long Offset)?> _file;
    private readonly Lazy<FileWindow> _window;

    private LiveMemory(MemoryObject? memory, GuestMemory guest, GuestMemory? alias, long offset = 0)
    {
        _object = memory;
        _offset = offset;
        _file = new Lazy<(MemoryObject File, long Offset)?>(
            () => memory is not null
                ? (memory, offset)
                : guest.IsShared ? MappedFile.TryOpen(Process?.Process, guest.Address, guest.Bytes, guest.Backing) : null);
        _window = new Lazy<FileWindow>(() => FileWindow.Open(_file.Value!.Value.File, _file.Value.Value.Offset, guest.Bytes));
        Guest = guest;
        Alias = alias;
    }

    /// <summary>The guest's mapping. If it is in another process, its address is good for ioctls on that one's userfaultfd only.</summary>
    public GuestMemory Guest { get; }

    /// <summary>The guest's mapping, to be touched or changed from here.</summary>
    /// <exception cref="InvalidOperationException">It is in another process.</exception>
    public GuestMemory Here =>
        !IsInOtherProcess
            ? Guest
            : throw new InvalidOperationException(
                $"The guest memory at 0x{Guest.Address:x} is mapped in another process; it cannot be touched or changed from here. Name "
                    + $"the process (AdoptedMemory.ProcessId) for what the kernel allows others.");

    /// <summary>True if the guest's mapping is in another process.</summary>
    public bool IsInOtherProcess { get; private init; }

    /// <summary>The process that has mapped it, if that is another one and has been named.</summary>
    public ProcessMemory? Process { get; private init; }

    /// <summary>True if it was made here, and has no page yet.</summary>
    private bool IsNew { get; init; }

    /// <summary>What the kernel reported when it was registered with an adopted userfaultfd; null if it has to be registered.</summary>
    public UffdIoctls? RegisteredAs { get; private init; }

    /// <summary>The other mapping of the same memory; null if there is none.</summary>
    public GuestMemory? Alias { get; }

    /// <summary>The address range was unmapped and may belong to other memory by now.</summary>
    public bool IsUnmapped { get; private set; }

    /// <summary>False once the first page was unmapped: other memory may have the address by now, whatever is left behind it.</summary>
    public bool HoldsAddress { get; private set; } = true;

    /// <summary>The first page is gone.</summary>
    public void StartIsUnmapped() => HoldsAddress = false;

    /// <summary>The guest's mapping is gone: it must not be touched or unmapped from here.</summary>
    public void GuestIsUnmapped()
    {
        HoldsAddress = false;
        IsUnmapped = true;
        Guest.SetHandleAsInvalid();
    }

    /// <summary>Maps what a region's options ask for.</summary>
    /// <exception cref="ModuleException">This kernel has no such memory.</exception>
    /// <exception cref="ArgumentException">It is not whole pages of this memory.</exception>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    /// <exception cref="UnsupportedMachineException">This machine has no such memory, or not enough of it.</exception>
    public static LiveMemory Map(RegionOptions options)
    {
        long bytes = options.Pages << PageSize.BaseShift;
        if (options.Module is not (null or "shmem" or "hugetlb" or "guest-memfd")) throw Unknown(options.Module);
        RegionOptions.ThrowIfNotWhole(options, options.Module == "hugetlb" ? PageSize.Huge : PageSize.Base);
        // Checked here: past TASK_SIZE some kinds of memory fail at ftruncate, others only at mmap.
        if ((ulong)bytes > PageSize.TaskSize) throw new UffdException("mmap", Errno.ENOMEM, KernelErrors.NoRoomFor((ulong)bytes));
        MemoryObject? memory = options.Module switch
        {
            null => null,
            "shmem" => MemoryObject.CreateShmem("uffd-guest", bytes),
            "hugetlb" => MemoryObject.CreateHugetlb("uffd-guest", bytes),
            _ => MemoryObject.CreateGuestMemfd(bytes),
        };
        GuestMemory? guest = null;
        try
        {
            guest = memory is null ? GuestMemory.MapAnonymous(bytes) : GuestMemory.Map(memory, 0, bytes);
            return new LiveMemory(memory, guest, options.WithAlias && memory is not null ? GuestMemory.Map(memory, 0, bytes) : null)
            {
                IsNew = true,
            };
        }
        catch
        {
            guest?.Dispose();
            memory?.Dispose();
            throw;
        }
    }

    /// <summary>Uses memory that the embedder, or another process, has mapped.</summary>
    /// <exception cref="ModuleException">This kernel has no such memory.</exception>
    /// <exception cref="ArgumentException">Address, size or offset is not one of this memory, or its file is shorter.</exception>
    /// <exception cref="SyscallException">The alias cannot be mapped.</exception>
    public static LiveMemory Adopt(AdoptedMemory adopted)
    {
        long bytes = adopted.Pages << PageSize.BaseShift;
        MemoryBacking backing = adopted.Module switch
        {
            null => MemoryBacking.Anonymous,
            "shmem" => MemoryBacking.Shmem,
            "hugetlb" => MemoryBacking.Hugetlb,
            "guest-memfd" => MemoryBacking.GuestMemfd,
            _ => MemoryBacking.Unknown,
        };
        // From here on the descriptor is owned here, and is closed if anything below fails.
        MemoryObject? file = adopted.Descriptor is { } number
            ? MemoryObject.Adopt(number, backing, adopted.DescriptorOffset + bytes)
            : null;
        ProcessMemory? process = null;
        try
        {
            if (backing == MemoryBacking.Unknown) throw Unknown(adopted.Module!);
            if (file?.MeasureBytes() is { } there && there < file.Bytes)
                throw new ArgumentException(
                    $"Descriptor {adopted.Descriptor} has {there} bytes, and the region reaches to byte {file.Bytes} of it: the layout is "
                        + $"longer than the memory.", nameof(adopted));
            if (adopted.ProcessId is { } id && id != Environment.ProcessId) process = OpenProcess(id);
            GuestMemory guest = GuestMemory.Adopt(adopted.Address, bytes, backing, isShared: adopted.Module is not null);
            return new LiveMemory(
                file, guest, file is null ? null : GuestMemory.Map(file, adopted.DescriptorOffset, bytes), adopted.DescriptorOffset)
            {
                IsInOtherProcess = adopted.IsInOtherProcess || process is not null,
                Process = process,
                RegisteredAs = adopted.RegisteredAs,
            };
        }
        catch
        {
            process?.Dispose();
            file?.Dispose();
            throw;
        }
    }

    private static ProcessMemory OpenProcess(int number)
    {
        try
        {
            return ProcessMemory.Open(number);
        }
        catch (SyscallException e) when (e.Error is not (Errno.EMFILE or Errno.ENFILE))
        {
            string reason = e.Error switch
            {
                Errno.ENOENT => $"there is no process {number}; name the one that has mapped the memory (AdoptedMemory.ProcessId).",
                Errno.ESRCH =>
                    $"process {number} has no memory any more: it has ended, and its parent has not waited for it; name the one that has "
                    + $"mapped the memory (AdoptedMemory.ProcessId).",
                _ => $"this process may not look at the memory of process {number}; run it as the same user or with CAP_SYS_PTRACE, or "
                    + $"adopt the memory without its ProcessId.",
            };
            throw new UffdException($"open(/proc/{number}/mem)", e.Error, reason);
        }
    }

    private static ModuleException Unknown(string module) =>
        ModuleException.NotFound(module, ["guest-memfd", "hugetlb", "shmem"]);

    /// <summary>
    /// Allocates the memory in full and maps it in the alias: MINOR without MISSING fills a hole with zeros in silence (SEMANTICS 4.2.9).
    /// </summary>
    /// <exception cref="UffdException">There is not enough memory.</exception>
    /// <exception cref="UnsupportedMachineException">The pool of huge pages is empty.</exception>
    public void Populate()
    {
        // With overcommit, allocating more than there is invokes the OOM killer, perhaps on this process, before it gives ENOMEM.
        if (IsNew && Alias!.Backing == MemoryBacking.Shmem && AddressSpaceFacts.AvailableMemory() is var available
            && (ulong)Alias.Bytes > available)
            throw new UffdException(
                PopulateCall, Errno.ENOMEM,
                $"there is not enough memory for the {Alias.Bytes >> PageSize.BaseShift} pages of the alias, which are allocated in full: "
                    + $"{Alias.Bytes} bytes are needed, and {available} are available");
        Errno error = Errno.None;
        for (long end, start = 0; start < Alias!.Bytes && error == Errno.None; start = end)
        {
            // In slices: the call holds mmap_lock for reading; a change of the map waits for it, and faults wait behind that.
            end = Math.Min(Alias.Bytes, start + RangeSlices.Bytes);
            error = Alias.Advise(start, end - start, MemoryAdvice.PopulateWrite);
        }

        // Pages that mmap reserved may be missing all the same: taken out of the pool, or on a node that this process may not use.
        if (error is Errno.ENOMEM or Errno.EFAULT && Alias.Backing == MemoryBacking.Hugetlb)
            throw new UnsupportedMachineException(
                MachineNeed.HugePages, $"{Alias.Bytes} bytes of huge pages could not be allocated ({error}).",
                PopulateCall, error);
        if (error != Errno.None) throw new UffdException(PopulateCall, error, WhyNotPopulated(error));
    }

    private static string WhyNotPopulated(Errno error) => error switch
    {
        Errno.ENOMEM => "there is not enough memory for the alias, whose pages are allocated in full",
        Errno.EFAULT => "a page of the alias cannot be had: the file is shorter, or it is out of memory",
        _ => KernelErrors.Explain("madvise", error),
    };

    /// <summary>Fills the page cache in full through a mapping that is gone afterwards; the guest's own mapping stays empty.</summary>
    /// <param name="source">As many bytes as the memory has, never in a registered range.</param>
    public void Fill(nint source)
    {
        using GuestMemory window = GuestMemory.Map(_object!, 0, _object!.Bytes);
        window.WriteFrom(0, source, window.Bytes);
    }

    /// <summary>Copies bytes of a page out of the memory's file, whatever the guest's mapping has there.</summary>
    /// <param name="own">The memory of this process.</param>
    /// <param name="offset">Offset in the memory.</param>
    /// <param name="destination">Where the bytes go.</param>
    /// <returns>False if the file has a hole there, or there is no file here that could be asked.</returns>
    public bool TryReadFile(ProcessMemory own, long offset, Span<byte> destination)
    {
        // Without the file, mincore at least tells what is in the page cache, but not what is in swap.
        if (_file.Value is not { } file)
            return !IsInOtherProcess && Guest.IsCached(offset) && own.TryRead(Guest.Address + (ulong)offset, destination);
        if (file.File.TryRead(file.Offset + offset, destination)) return true;
        if (file.File.Backing == MemoryBacking.Shmem) return false;
        if (Alias is { } alias && (own.Pagemap.Read(alias.Address + (ulong)offset, out _) & PagemapFlags.Present) != 0
            && own.TryRead(alias.Address + (ulong)offset, destination))
            return true;
        return _window.Value.TryRead(own, offset, destination);
    }

    /// <summary>Duplicates its file's descriptor.</summary>
    /// <exception cref="InvalidOperationException">It has none.</exception>
    /// <exception cref="SyscallException">The process has too many.</exception>
    public SafeFileHandle OpenDescriptor(GuestRegion region)
    {
        if (_object is null)
            throw new InvalidOperationException(
                Guest.IsShared
                    ? $"Region {region.Id} was adopted without a descriptor of its memory; name one (AdoptedMemory.Descriptor), or ask its "
                        + $"owner."
                    : $"Region {region.Id} is anonymous memory, which has no descriptor and no other process can map; map it of a memory "
                        + $"module, shmem or hugetlb.");
        return _object.Duplicate();
    }

    /// <summary>True if pages can be taken away from here without an event, which the mapping's own process alone raises.</summary>
    public bool IsPunched => IsInOtherProcess && _object is { CanPunch: true };

    /// <summary>Advises on memory of another process, as far as the kernel allows that.</summary>
    /// <exception cref="UffdException">It is for that process alone to give such advice.</exception>
    public Errno AdviseElsewhere(long offset, long bytes, MemoryAdvice advice)
    {
        switch (advice)
        {
            case MemoryAdvice.PageOut:
                return Process!.Advise(Guest.Address + (ulong)offset, bytes, advice);
            case MemoryAdvice.Remove when _object is not null:
                return _object.Punch(_offset + offset, bytes);
            default:
                string instead = advice == MemoryAdvice.Remove
                    ? "hand over a descriptor of the memory (AdoptedMemory.Descriptor), through which a hole can be punched."
                    : "let the process call madvise itself.";
                throw new UffdException(
                    "process_madvise", Errno.EINVAL,
                    $"the kernel lets process {Process!.Process} alone take pages from its mapping; {instead}");
        }
    }

    /// <summary>Throws, with the reason, if the memory cannot be read from here.</summary>
    /// <exception cref="InvalidOperationException">It is in another process that was not named, and has no descriptor here.</exception>
    public void ThrowIfUnreadable()
    {
        if (IsInOtherProcess && Process is null && _object is null)
            throw new InvalidOperationException(
                $"The guest memory at 0x{Guest.Address:x} is mapped in another process and cannot be read from here; name the process "
                    + $"(AdoptedMemory.ProcessId), or hand over a descriptor of the memory.");
    }

    /// <inheritdoc />
    public void Dispose()
    {
        if (_window.IsValueCreated) _window.Value.Dispose();
        if (_object is null && _file is { IsValueCreated: true, Value: { } found }) found.File.Dispose();
        Guest.Dispose();
        Alias?.Dispose();
        _object?.Dispose();
        Process?.Dispose();
    }
}
