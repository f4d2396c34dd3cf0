using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Turns;

namespace UffdActors.Conformance.Replay;

/// <summary>
/// The memory that a program's process has before its first step: buffers of known content, which COPY reads, one that cannot be read, and
/// a mapping that cannot be registered.
/// </summary>
internal sealed class SourceBuffers(ModelObjects objects)
{
    private const int SourcePages = 16;
    private const byte FirstSourceByte = 0x40;
    private const byte FirstHugeSourceByte = 0xA0;
    private const ulong VdsoAddress = 0x7FFF_F7FF_F000;

    /// <summary>Maps and fills them.</summary>
    public void Map()
    {
        for (int i = 0; i <= SourcePages + 3; i++)
        {
            if (i == SourcePages) continue;
            bool readable = i != SourcePages + 2;
            ulong address = objects.Header.Source + ((ulong)i << PageSize.BaseShift);
            if (i is 0 or > SourcePages)
            {
                Prot prot = readable ? Prot.ReadWrite : Prot.None;
                ulong length = (ulong)(i == 0 ? SourcePages * PageSize.Base : PageSize.Base);
                Do(new MapMemory(objects.Main, address, length, new MapRequest(prot)));
            }

            if (i < SourcePages + 2) Fill(address, objects.Machine.BaseFolios, (byte)(FirstSourceByte + i));
        }

        MemoryFile huge = objects.NewFile(isHuge: true, 2 * PageSize.Huge);
        Do(new MapMemory(objects.Main, objects.Header.HugeSource, 2 * PageSize.Huge, new MapRequest(Prot.ReadWrite, huge)));
        for (int i = 0; i < 2; i++)
            Fill(objects.Header.HugeSource + (ulong)(i * PageSize.Huge), objects.Machine.HugeFolios, (byte)(FirstHugeSourceByte + i));

        // Every process has memory that cannot be registered; a range over all of user space includes it.
        Do(new MapMemory(objects.Main, VdsoAddress, PageSize.Base, new MapRequest(Prot.Read, Droppable: true)));
    }

    private void Fill(ulong address, FolioStore store, byte value) =>
        objects.Mm.SetEntry(PageSize.PageOf(address), Entry.Anon(store.AllocateFrom(FillSource.Stamp(value))));

    private void Do(Operation operation)
    {
        objects.Kernel.Submit(operation);
        objects.Kernel.Run();
    }
}
