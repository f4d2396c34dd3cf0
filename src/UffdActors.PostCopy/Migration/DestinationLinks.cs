using System.Buffers.Binary;
using System.Diagnostics;
using UffdActors.PostCopy.Wire;

namespace UffdActors.PostCopy.Migration;

/// <summary>
/// The destination's link to the source: lanes that connect join it or begin the next one, and are read, each on a thread of its own. Pages
/// go into memory from there, every other frame is an input.
/// </summary>
/// <param name="options">Time-out and placement.</param>
/// <param name="machine">The destination's state machine: whether the guest is here.</param>
/// <param name="identity">Which destination this is.</param>
/// <param name="inbox">Takes what is no page.</param>
internal sealed class DestinationLinks(
    MigrationDestinationOptions options, DestinationMachine machine, UInt128 identity, MigrationInbox<DestinationInput> inbox)
{
    private readonly Lock _gate = new();
    private volatile Link? _current;
    private volatile DestinationMemory? _memory;
    private UInt128? _migration;
    private long _bytesOfOldLinks;

    /// <summary>The link; null if there is none.</summary>
    public Link? Current => _current;

    /// <summary>Where pages go; null before the source has offered its guest.</summary>
    public DestinationMemory? Memory
    {
        get => _memory;
        set => _memory = value;
    }

    /// <summary>Bytes of content that came on links that have ended.</summary>
    public long BytesOfOldLinks => _bytesOfOldLinks;

    /// <summary>When a hand-over began to be read, as <see cref="Stopwatch"/> counts; 0 before.</summary>
    public long HandOverAt { get; private set; }

    /// <summary>Takes a connection that has begun as a source's; on a thread of its own.</summary>
    public void Take(Lane lane, Hello hello, ulong epoch)
    {
        if (hello.Lane > 0)
        {
            Link? link = _current;
            if (link is null || hello.Migration != _migration || hello.Link != link.Number || !link.TryAdd(lane))
            {
                Handshake.Reject(lane, "the lane belongs to no open link");
                return;
            }

            Handshake.Welcome(lane, 0, identity);
            link.Read(lane, l => Read(link, l));
            if (link.IsWhole) Whole(link);
            return;
        }

        Link fresh = new(hello.Link, hello.Channels, options.PeerTimeout, options.Placement, (lost, why) =>
        {
            if (why is IOException or WireException)
                inbox.Post(new DestinationInput(DestinationEvent.LinkDown, Link: lost, Text: why.Message));
            else inbox.Fail(why);
        });
        _ = fresh.TryAdd(lane);
        byte[] migration = new byte[16];
        BinaryPrimitives.WriteUInt128LittleEndian(migration, hello.Migration);
        inbox.Post(new DestinationInput(DestinationEvent.LinkUp, epoch, fresh, Body: migration));
    }

    /// <summary>True if a new link belongs to the migration that is under way, or begins it.</summary>
    public bool IsOfThisMigration(DestinationInput linkUp)
    {
        UInt128 migration = BinaryPrimitives.ReadUInt128LittleEndian(linkUp.Body.Span);
        _migration ??= migration;
        return _migration == migration;
    }

    /// <summary>Uses a new link.</summary>
    public void Use(Link link) => _current = link;

    /// <summary>Welcomes the source on the urgent lane, and reads it.</summary>
    public void Welcome(Link link)
    {
        Handshake.Welcome(link.Urgent, machine.HasGuest ? machine.Epoch : 0, identity);
        link.Read(link.Urgent, lane => Read(link, lane));
    }

    /// <summary>Closes the link, if there is one.</summary>
    /// <param name="isEnd">True after the last frame of the migration, which the source must get.</param>
    public async Task CloseAsync(bool isEnd = false)
    {
        if (_current is not { } link) return;
        lock (_gate)
        {
            _current = null;
            _memory?.Source.Use(null);
        }

        await Task.Run(isEnd ? link.Finish : link.Dispose);
        _bytesOfOldLinks += link.BytesIn;
    }

    // The source sends nothing before every lane is there; from here on pages may be asked for.
    private void Whole(Link link)
    {
        link.Watch();
        lock (_gate)
        {
            // A link that has been replaced meanwhile must not be used again.
            if (machine.HasGuest && _current == link) _memory!.Source.Use(link);
        }
    }

    private void Read(Link link, Lane lane)
    {
        byte[] runs = new byte[WireLimits.PagesAFrame * FrameHeader.RunBytes];
        if (lane.Number == 0 && machine.HasGuest) LendToGuest(lane);
        while (true)
        {
            FrameHeader header = lane.ReadHeader();
            switch (header.Kind)
            {
                case MessageKind.Ping:
                    break;
                case MessageKind.Answer when _memory is { } memory:
                    memory.Source.Take(lane, header, runs);
                    break;
                case MessageKind.Lost when _memory is { } memory:
                    memory.Source.TakeLoss(lane, header, lane.ReadText(header));
                    break;
                case MessageKind.Content when lane.Number > 0 && _memory is { } memory && !machine.HasGuest:
                    memory.Copied.Take(lane, header, link.Channels, runs);
                    break;
                case MessageKind.ContentEnd when lane.Number > 0:
                    link.EndContent(lane.Number, header.Id);
                    break;
                case MessageKind.Discard when lane.Number == 0 && _memory is { } memory && !machine.HasGuest:
                    memory.Copied.Discard(header, lane.ReadBody(header));
                    break;
                case MessageKind.HandOver when lane.Number == 0:
                    TakeHandOver(link, lane, header);
                    LendToGuest(lane);
                    break;
                default:
                    if (lane.Number != 0 || EventOf(header.Kind) is not { } happened)
                        throw new WireException($"a frame of kind {header.Kind} on lane {lane.Number}");
                    bool isText = header.Kind is MessageKind.Abandon or MessageKind.Rejected;
                    byte[] body = isText ? [] : lane.ReadBody(header);
                    string? text = isText ? lane.ReadText(header) : null;
                    inbox.PostAndWait(link, new DestinationInput(happened, header.Id, link, body, text, IsOfPeer: true));
                    break;
            }
        }
    }

    // From here on the lane carries answers, until every page has arrived.
    private void LendToGuest(Lane lane)
    {
        if (_memory is { } memory) new PolledAnswers(lane, memory.Source).Wait(memory.Vm);
    }

    private void TakeHandOver(Link link, Lane lane, in FrameHeader header)
    {
        HandOverAt = Stopwatch.GetTimestamp();
        byte[] state = lane.ReadBody(header);
        // The copied content is complete when every background lane has sent ContentEnd.
        link.WaitForContent(header.Id);
        _memory?.Copied.EndContent();
        inbox.PostAndWait(link, new DestinationInput(DestinationEvent.HandOver, header.Id, link, state, IsOfPeer: true));
    }

    private static DestinationEvent? EventOf(MessageKind kind) => kind switch
    {
        MessageKind.Offer => DestinationEvent.Offer,
        MessageKind.Verdict or MessageKind.Bye => DestinationEvent.Verdict,
        MessageKind.Abandon or MessageKind.Rejected => DestinationEvent.Abandoned,
        _ => null,
    };
}
