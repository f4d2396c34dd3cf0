namespace UffdActors.Watchdog;

/// <summary>
/// The board between runtime and watchdog: a memfd that the runtime writes and the watchdog reads. A header, then a slot for each
/// userfaultfd. Numbers are little endian; times are nanoseconds of CLOCK_MONOTONIC, which is the same for every process.
/// </summary>
/// <remarks>
/// A slot has one writer, the thread of its fault loop. It makes <see cref="Sequence"/> odd before it changes the slot and even afterwards,
/// but for <see cref="Beats"/>, which is a counter of its own.
/// </remarks>
internal static class BoardLayout
{
    /// <summary>"uffdwtch".</summary>
    public const long MagicWord = 0x6863_7477_6466_6675;

    /// <summary>Version of the layout; another one is refused.</summary>
    public const int CurrentVersion = 1;

    /// <summary>Bytes of the header, and of a slot: two cache lines.</summary>
    public const int SlotBytes = 128;

    /// <summary>Slots: userfaultfds of one process that are watched at the same time.</summary>
    public const int Slots = 255;

    /// <summary>Bytes of the board.</summary>
    public const int Bytes = (Slots + 1) * SlotBytes;

    // Offsets in the header.
    public const int Magic = 0;
    public const int Version = 8;
    public const int SlotCount = 12;

    // Offsets in a slot.

    /// <summary>Odd while the slot changes (4 bytes).</summary>
    public const int Sequence = 0;

    /// <summary>How many userfaultfds have used the slot; 0 while it is free (4 bytes).</summary>
    public const int Generation = 4;

    /// <summary>Passes of the fault loop (8 bytes).</summary>
    public const int Beats = 8;

    /// <summary>Number of the descriptor in the runtime (4 bytes).</summary>
    public const int Descriptor = 16;

    /// <summary>1 if the runtime is to be killed (4 bytes).</summary>
    public const int Kills = 20;

    /// <summary>Age from which on a fault is late (8 bytes).</summary>
    public const int Deadline = 24;

    /// <summary>When the oldest outstanding fault was raised; 0 if there is none (8 bytes).</summary>
    public const int Raised = 32;

    /// <summary>Counts the faults of the userfaultfd (8 bytes).</summary>
    public const int FaultId = 40;

    /// <summary>Its address, rounded down to the host page (8 bytes).</summary>
    public const int Address = 48;

    /// <summary>Its page within its region (8 bytes).</summary>
    public const int Page = 56;

    /// <summary>Its region (4 bytes).</summary>
    public const int Region = 64;

    /// <summary>The thread that raised it (4 bytes).</summary>
    public const int Thread = 68;

    /// <summary>Name of the userfaultfd, for reports: UTF-8, padded with zeros (<see cref="NameBytes"/>).</summary>
    public const int Name = 72;

    /// <summary>Room for the name.</summary>
    public const int NameBytes = SlotBytes - Name;

    /// <summary>Where a slot begins.</summary>
    public static int OffsetOf(int slot) => (slot + 1) * SlotBytes;
}
