using Akka.Actor;
using UffdActors.Abi;
using UffdActors.Dispatch;
using UffdActors.Model.Memory;

namespace UffdActors.Handling;

/// <summary>
/// One outstanding page of a region's own size: the fault on its way round the ring. The same object is the message to the handler and the
/// order to the page source, and brings its fill along; both are pooled, so a fault allocates nothing.
/// </summary>
internal sealed class PageRequest : IPageAsker
{
    private readonly FaultReader _reader;
    private readonly RingTime _time;
    private readonly PageGather? _gather;
    private NativeBuffer? _buffer;
    private readonly List<NativeBuffer> _lent = [];
    private ForeignCall? _hookCall;

    public PageRequest(FaultReader reader, HandlerSlot handler, RingTime time, int pages = 1)
    {
        _reader = reader;
        _time = time;
        _gather = pages > 1 ? new PageGather(pages) : null;
        Pages = pages;
        Handler = handler;
        Fill = handler.Thread.NewFill(this);
    }

    /// <summary>The handler that the page belongs to.</summary>
    public HandlerSlot Handler { get; }

    /// <summary>The call that fills the page.</summary>
    public IPageFill Fill { get; }

    /// <summary>Errno of the latest fill for this fault; none before there was one.</summary>
    public Errno Error { get; set; }

    /// <summary>Counts faults; names this one in reports.</summary>
    public long Id { get; set; }

    /// <summary>Incarnation of the handler that was asked.</summary>
    public int Incarnation { get; set; }

    /// <summary>Change epoch on which it was decided to clear the page's write protection.</summary>
    public long DecidedOn { get; set; }

    /// <summary>Where it is.</summary>
    public RequestPhase Phase { get; set; }

    /// <summary>Base pages in the page.</summary>
    public int Pages { get; }

    /// <summary>Bytes in the page.</summary>
    public int Bytes => Pages << PageSize.BaseShift;

    /// <summary>The page's address, rounded down to the host page.</summary>
    public ulong Address { get; set; }

    /// <summary>The region as it was when the fault was read.</summary>
    public ServedRegion Region { get; set; } = null!;

    /// <summary>First base page of it within the region.</summary>
    public long Page { get; set; }

    /// <summary>Why the first thread faulted.</summary>
    public FaultFlags Flags { get; set; }

    /// <summary>Threads that wait for the page.</summary>
    public int Waiters { get; set; }

    /// <summary>
    /// A thread has faulted on the page while the fill was under way, and perhaps after it was installed: then the fill has not woken it.
    /// </summary>
    public bool HasLateWaiters { get; set; }

    /// <summary>Attempts made since the last progress.</summary>
    public int Attempts { get; set; }

    /// <summary>
    /// How often a fill of this page has failed in a way that seemed to need nothing but a wake, and the thread faulted again.
    /// </summary>
    public int Streak { get; set; }

    /// <summary>Errno of the latest of them.</summary>
    public Errno StreakError { get; set; }

    /// <summary>Answer of the source.</summary>
    public SourceContent Content { get; set; }

    /// <summary>Bytes, or stamp, of the answer; 0 for zeros.</summary>
    public nint Data { get; set; }

    /// <summary>Why the source could not answer; null if it did.</summary>
    public Exception? Failure { get; set; }

    /// <summary>
    /// Native page for sources that copy. Made when it is first asked for; freed with the last reference to it, the source's included.
    /// </summary>
    public nint BufferAddress => Buffer.Address;

    /// <summary>Time stamps, if this fault is a sampled one.</summary>
    public FaultTrace? Trace { get; set; }

    /// <summary>What it waits out while it is paused; null if nothing but <c>recover</c> helps.</summary>
    public Outage? PausedBy { get; set; }

    /// <summary>ZEROPAGE has been refused here: zeros are copied (<see cref="FillAnswer.CopyZeros"/>).</summary>
    public bool CopiesZeros { get; set; }

    /// <summary>
    /// The cache that is filled through an alias has no page there: it is copied, and not written over what a guest may have put there
    /// since.
    /// </summary>
    public bool MeetsHole { get; set; }

    /// <summary>COPY has found a page in such a hole.</summary>
    public bool WasHole { get; set; }

    /// <summary>COPY into such a hole was refused with EINVAL: this memory knows CONTINUE alone.</summary>
    public bool TakesNoCopy { get; set; }

    /// <summary>True while the page of the alias is claimed for this request and not written yet.</summary>
    public bool HasClaim { get; set; }

    /// <summary>Bucket link of the table of outstanding pages.</summary>
    public PageRequest? Next { get; set; }

    /// <summary>The first thread that faulted; 0 if it is not known.</summary>
    public uint Thread { get; set; }

    /// <summary>The first of the threads whose waits for it are recorded; null if none is.</summary>
    public ThreadWait? Waiting { get; set; }

    /// <summary>When its fill had woken its threads, in one call of the real kernel; 0 before, and where waits are not recorded.</summary>
    public long Woken { get; set; }

    /// <summary>When its first thread faulted; kept only while it is watched, as are the next two.</summary>
    public long Raised { get; set; }

    /// <summary>The request that is watched and next older.</summary>
    public PageRequest? Older { get; set; }

    /// <summary>The request that is watched and next younger.</summary>
    public PageRequest? Younger { get; set; }

    /// <summary>True while it is watched.</summary>
    public bool IsWatched { get; set; }

    /// <summary>The native page itself.</summary>
    public NativeBuffer Buffer => _buffer ??= new NativeBuffer(Bytes);

    /// <summary>The pages that the source is asked for, and the buffer if there is one.</summary>
    public OrderRange Range => new(Region.Id, Page, Pages, _buffer?.Address ?? 0);

    /// <inheritdoc />
    public OrderRange Wanted => new(Region.Id, Page, Pages, BufferAddress);

    /// <inheritdoc />
    public Urgency Urgency => Urgency.Demand;

    /// <inheritdoc />
    public int? Missing => null;

    /// <summary>The page, and what it is to hold.</summary>
    public PageRun Run => new(Page, Pages, Content, Data);

    /// <summary>A fault has been read: the request is about its page from here on.</summary>
    /// <param name="id">Number of the fault.</param>
    /// <param name="address">The page's address.</param>
    /// <param name="region">What is served there.</param>
    /// <param name="message">What was read.</param>
    /// <param name="trace">Times of a fault of a vCPU; null if it is not sampled.</param>
    public void Begin(long id, ulong address, ServedRegion region, in UffdMsg message, FaultTrace? trace)
    {
        Id = id;
        Incarnation = Handler.Incarnation;
        Phase = RequestPhase.New;
        Address = address;
        Region = region;
        Page = region.PageOf(PageSize.PageOf(address));
        Flags = message.Flags;
        Waiters = 1;
        HasLateWaiters = false;
        Attempts = 0;
        Error = Errno.None;
        Trace = trace;
        Thread = message.ThreadId;
    }

    /// <summary>
    /// Gives back a page of the alias that was not written. A request is used again for other pages, and must not bring the claim of this
    /// one along.
    /// </summary>
    public void GiveUpClaim()
    {
        if (HasClaim) Region.Alias!.Unclaim(Page);
        HasClaim = false;
    }

    /// <summary>The source is about to be asked: nothing has been answered yet.</summary>
    public void BeginAnswer()
    {
        Failure = null;
        if (_lent.Count > 0) _lent.Clear();
        _gather?.Begin(Page, Buffer);
    }

    /// <summary>
    /// The source may still write to the buffer for an order that is given up or given again: it goes on with another one, and the page is
    /// gathered anew.
    /// </summary>
    /// <param name="isAnswered">The page is there already, and nothing is asked for again.</param>
    /// <returns>
    /// The buffer that stays the source's. What has been answered into it lasts until the source is asked for something else.
    /// </returns>
    public NativeBuffer LendBuffer(bool isAnswered = false)
    {
        NativeBuffer lent = Buffer;
        _buffer = null;
        _lent.Add(lent);
        if (!isAnswered) _gather?.Begin(Page, Buffer);
        return lent;
    }

    /// <summary>Takes an answer of the source, if it is about this page: it may begin before it, and reach beyond.</summary>
    /// <returns>False if it is about other pages, or not everything has been answered yet.</returns>
    public bool TakeAnswer(long firstPage, int pages, SourceContent content, nint address)
    {
        if (_gather is { } gather)
        {
            if (!gather.Add(firstPage, pages, content, address)) return false;
            (Content, Data) = (gather.Content, gather.Data);
            return true;
        }

        long offset = Page - firstPage;
        if (offset < 0 || offset >= pages) return false;
        Content = content;
        Data = content == SourceContent.Bytes ? address + (nint)(offset << PageSize.BaseShift) : address;
        return true;
    }

    /// <inheritdoc />
    public void Answered(Exception? failure)
    {
        Failure = failure;
        Handler.Thread.Actor.Tell(this, ActorRefs.NoSender);
    }

    /// <summary>The page's protection is about to be cleared, in this turn: the embedder may want its content of before.</summary>
    /// <returns>
    /// EIO if the embedder has thrown and wants the page to stay protected then; what it threw is in <see cref="Failure"/>.
    /// </returns>
    public Errno BeforeWrite()
    {
        Failure = null;
        if (_reader.BeforeWrite is not { } hook) return Errno.None;
        BeginHook();
        try
        {
            hook(Region.Id, Page);
            return Errno.None;
        }
        catch (Exception e)
        {
            Failure = e;
            return _reader.ClearIfHookFails ? Errno.None : Errno.EIO;
        }
        finally
        {
            EndHook();
        }
    }

    // Several requests of a handler may be at it at once, in turns of several owners; so each has a call of its own. It is watched from its
    // first call on, for requests are used again: a writer waits for two stores, and for no lock.
    private void BeginHook()
    {
        if (_reader.Calls is not { } calls) return;
        if (_hookCall is null) calls.Add(_hookCall = new ForeignCall());
        _hookCall.Begin("The BeforeWrite hook");
    }

    private void EndHook() => _hookCall?.End();

    /// <summary>What was removed while it was being fetched must not come back: it is zeros.</summary>
    public void DropRemoved()
    {
        if (_gather is { } gather)
        {
            gather.Drop(Region.Pages);
            (Content, Data) = (gather.Content, gather.Data);
        }
        else if (Region.Pages.IsRemoved(Page))
        {
            Content = SourceContent.Zero;
        }
    }

    /// <summary>The page is mapped, and its threads are about to be woken.</summary>
    public void StampInstalled()
    {
        if (Trace is { } trace) trace.Installed = _time.Now;
    }

    /// <summary>The page is mapped and its threads have been woken, in one call of the real kernel that has just come back.</summary>
    public void StampInstalledAndWoken()
    {
        if (_reader.Latencies is not null) Woken = _time.Now;
        if (Trace is { } trace) trace.Installed = trace.Woken = _time.Now;
    }

    /// <summary>The fill has succeeded in full, and has woken the page's threads. In a turn of the context.</summary>
    public void Complete() => _reader.Completed(this);
}
