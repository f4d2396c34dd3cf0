namespace UffdActors.Serve.Daemon;

/// <summary>Carries out the requests to a daemon. Every request gets an answer.</summary>
internal sealed class ControlHandler(ServeDaemon daemon)
{
    /// <summary>The answer to what is not done.</summary>
    public static ControlAnswer Refused(string error) => new() { Ok = false, Error = error };

    /// <summary>Answers a line.</summary>
    public async Task<ControlAnswer> AnswerAsync(ReadOnlyMemory<byte> line, CancellationToken cancel)
    {
        try
        {
            return await DoAsync(ControlRequest.Parse(line.Span), cancel);
        }
        catch (Exception e) when (e is ServeException or UffdException or VmFailedException or ObjectDisposedException)
        {
            return Refused(e.Message);
        }
        catch (OperationCanceledException)
        {
            return Refused("The daemon is ending.");
        }
    }

    private async Task<ControlAnswer> DoAsync(ControlRequest request, CancellationToken cancel)
    {
        switch (request.Do)
        {
            case "status":
                return new ControlAnswer { Ok = true, Status = daemon.Status() };
            case "list":
                return new ControlAnswer { Ok = true, Sessions = daemon.List(request.Session) };
            case "stats":
                return new ControlAnswer { Ok = true, Sessions = daemon.List(request.Session, withFigures: true) };
            case "create":
                return new ControlAnswer { Ok = true, Sessions = [await daemon.CreateAsync(request.Spec(), cancel)] };
            case "drain":
                int released = await daemon.DrainAsync(ControlRequest.Needed(request.Session, "session"), request.Guest, cancel);
                return new ControlAnswer { Ok = true, Released = released };
            case "close":
                int killed = await daemon.CloseAsync(
                    ControlRequest.Needed(request.Session, "session"), request.Kill ?? false, cancel);
                return new ControlAnswer { Ok = true, Killed = killed };
            default:
                throw new ServeException(
                    $"There is no request \"{Dialects.LayoutReader.Shown(request.Do)}\"; there are status, list, stats, "
                        + "create, drain and close.");
        }
    }
}
