using UffdActors.PostCopy.Wire;

namespace UffdActors.PostCopy.Migration;

/// <summary>Reads the lanes of the source: requests are answered on the lane's own thread, every other frame is an input.</summary>
internal sealed class SourceLanes
{
    private readonly PageServer[] _servers;
    private readonly MigrationInbox<SourceInput> _inbox;
    private volatile bool _serves;

    /// <param name="vm">The machine whose pages are sent.</param>
    /// <param name="channels">Background lanes.</param>
    /// <param name="inbox">Takes what is no request.</param>
    public SourceLanes(UffdVm vm, int channels, MigrationInbox<SourceInput> inbox)
    {
        _servers = [.. Enumerable.Range(0, channels + 1).Select(_ => new PageServer(vm))];
        _inbox = inbox;
    }

    /// <summary>True while requests are answered: the guest was handed over.</summary>
    public bool Serves
    {
        get => _serves;
        set => _serves = value;
    }

    /// <summary>Pages with content that were sent.</summary>
    public long Pages => _servers.Sum(s => s.Pages);

    /// <summary>Pages of zeros that were sent as such.</summary>
    public long ZeroPages => _servers.Sum(s => s.ZeroPages);

    /// <summary>Reads a lane until it ends.</summary>
    /// <exception cref="IOException">The lane has ended.</exception>
    /// <exception cref="WireException">The destination has sent what it must not.</exception>
    public void Read(Link link, Lane lane)
    {
        PageServer server = _servers[lane.Number];
        while (true)
        {
            FrameHeader header = lane.ReadHeader();
            if (header.Kind == MessageKind.Request)
            {
                if (!_serves) throw new WireException("the destination asks for pages of a guest that runs here");
                Answer(server, lane, header);
            }
            else if (header.Kind != MessageKind.Ping)
            {
                if (lane.Number != 0 || EventOf(header.Kind) is not { } happened)
                    throw new WireException($"a frame of kind {header.Kind} on lane {lane.Number}");
                bool isText = header.Kind is MessageKind.Refused or MessageKind.Rejected or MessageKind.Abandon;
                byte[] body = isText ? [] : lane.ReadBody(header);
                string? text = isText ? lane.ReadText(header) : null;
                _inbox.PostAndWait(link, new SourceInput(happened, header.Id, link, body, text, IsOfPeer: true));
            }
        }
    }

    private static void Answer(PageServer server, Lane lane, in FrameHeader request)
    {
        try
        {
            server.Send(lane, request with { Kind = MessageKind.Answer });
        }
        catch (Exception e) when (e is UffdException or InvalidOperationException)
        {
            lane.SendText(new FrameHeader { Kind = MessageKind.Lost, Id = request.Id }, e.Message);
        }
    }

    private static SourceEvent? EventOf(MessageKind kind) => kind switch
    {
        MessageKind.OfferTaken => SourceEvent.OfferTaken,
        MessageKind.Accepted => SourceEvent.Accepted,
        MessageKind.Refused => SourceEvent.Refused,
        MessageKind.Complete => SourceEvent.Complete,
        MessageKind.Finished => SourceEvent.Finished,
        MessageKind.Bye => SourceEvent.Bye,
        MessageKind.Abandon or MessageKind.Rejected => SourceEvent.Abandoned,
        _ => null,
    };
}
