using UffdActors.Model;
using UffdActors.Model.Inputs;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.SampleRom;

/// <summary>
/// Read-only memory with the content of a file: firmware, say. Its pages are in the cache from the start, so the only userfault there
/// can be is MINOR, and it is resolved by CONTINUE. Nothing else in the program knows of it; it is loaded by configuration:
/// <code>
/// uffd.modules = [..., "UffdActors.SampleRom.RomModule, path/to/UffdActors.SampleRom.dll"]
/// uffd.module.rom.file = "/path/to/firmware"
/// </code>
/// </summary>
/// <remarks>
/// State: the file's name, for the module; the pages, in each <see cref="MemoryFile"/>; nothing for each VM. So one module serves any
/// number of them, and its hook needs no lock.
/// </remarks>
public sealed class RomModule : MemoryModule, IVmUffdOps
{
    private const string FileKey = "rom.file";
    private readonly string _path;

    /// <summary>Called by the loader.</summary>
    /// <param name="settings">What the configuration has under <c>uffd.module</c>.</param>
    /// <exception cref="ArgumentException">The file is not named, or cannot be read.</exception>
    public RomModule(IReadOnlyDictionary<string, string> settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        if (!settings.TryGetValue(FileKey, out string? path))
            throw new ArgumentException($"set uffd.module.{FileKey} to the file that the memory shows");
        try
        {
            InputFile.Check(path);
        }
        catch (InputFileException e)
        {
            throw new ArgumentException($"uffd.module.{FileKey} = {path}: {e.Message}", e);
        }

        _path = path;
    }

    /// <inheritdoc />
    public override string Name => "rom";

    /// <inheritdoc />
    public override IVmUffdOps Ops => this;

    /// <inheritdoc />
    public RegisterModes Features => RegisterModes.Minor;

    /// <inheritdoc />
    public UffdIoctls Ioctls => UffdIoctls.Continue;

    /// <inheritdoc />
    public bool HasGetFolio => true;

    /// <inheritdoc />
    public bool HasCopy => false;

    /// <summary>Bytes of the file, rounded up to pages.</summary>
    public long Bytes => PageSize.PagesFor(new FileInfo(_path).Length) << PageSize.BaseShift;

    /// <inheritdoc />
    public override MemoryFile CreateFile(Machine machine, long bytes)
    {
        MemoryFile file = base.CreateFile(machine, bytes);
        using InputFile content = InputFile.Open(_path);
        using NativeBuffer page = new(PageSize.Base);
        byte[] buffer = new byte[PageSize.Base];
        for (long index = 0; index < file.EndIndex; index++)
        {
            Array.Clear(buffer);
            long offset = index << PageSize.BaseShift;
            content.Read(offset, buffer.AsSpan(0, (int)Math.Clamp(content.Length - offset, 0, PageSize.Base)));
            page.Write(0, buffer);
            uint folio = file.Store.AllocateFrom(FillSource.Buffer(page.Address));
            if (folio == FolioStore.None) throw new ArgumentException($"the VM has not enough memory for the {bytes} bytes of {_path}");
            _ = file.TryAdd(index, CacheSlot.Page(folio));
        }

        content.CheckUnchanged();
        return file;
    }

    /// <inheritdoc />
    public override Errno CheckProtection(Prot prot, bool shared) => (prot & Prot.Write) != 0 && shared ? Errno.EACCES : Errno.None;

    /// <inheritdoc />
    public override Errno CheckFileCall(FileCall call) => Errno.EPERM;

    /// <inheritdoc />
    public Errno GetFolio(MemoryFile file, long index, out uint folio)
    {
        ArgumentNullException.ThrowIfNull(file);
        CacheSlot slot = file.SlotAt(index);
        folio = slot.Folio;
        if (index >= file.EndIndex) return Errno.EINVAL;
        return slot.IsPresent ? Errno.None : Errno.ENOENT;
    }

    /// <inheritdoc />
    public Errno Copy(in CopyRequest request, ref uint folio) => Errno.EINVAL;
}
