using UffdActors.Abi;
using UffdActors.Explore.Scenarios;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Explore.Scenes;

/// <summary>Turns the actions of a scenario into operations of the model.</summary>
internal static class ThreadScript
{
    private const int MessagesPerRead = 64;

    /// <summary>The operation of an action.</summary>
    /// <param name="parts">What operations are made of.</param>
    /// <param name="content">What pages hold.</param>
    /// <param name="scene">The run's owners.</param>
    /// <param name="caller">The thread that makes it.</param>
    /// <param name="action">The action.</param>
    /// <param name="value">Value of a store.</param>
    public static Operation Begin(RunParts parts, PageContent content, RunScene scene, Caller caller, ThreadAction action, ulong value)
    {
        ulong start = scene.Layout.AddressOf(action.Region, action.Page);
        ulong other = scene.Layout.AddressOf(action.OtherRegion, action.OtherPage);
        ulong length = (ulong)action.Count << scene.Layout.PageShift;
        UserfaultContext context = scene.Contexts.Length > 0 ? scene.Contexts[action.Context] : null!;
        switch (action.Kind)
        {
            case ActionKind.Read:
            case ActionKind.Write:
            case ActionKind.ReadChild:
                Access access = parts.NewAccess(caller);
                access.Begin(start, action.Kind == ActionKind.Write ? AccessKind.Write : AccessKind.Read, value, sizeof(ulong));
                return access;
            case ActionKind.DontNeed:
                return new AdviseMemory(caller, start, length, Advice.DontNeed);
            case ActionKind.Remove:
                return new AdviseMemory(caller, start, length, Advice.Remove);
            case ActionKind.PageOut:
                return new AdviseMemory(caller, start, length, Advice.PageOut);
            case ActionKind.Peek:
                return parts.NewPeek(caller, start);
            case ActionKind.Munmap:
                return new UnmapMemory(caller, start, length);
            case ActionKind.Mremap:
                return new RemapMemory(caller, start, length, length, RemapModes.MayMove | RemapModes.Fixed, other);
            case ActionKind.MremapKeep:
                return new RemapMemory(caller, start, length, length, RemapModes.MayMove | RemapModes.Fixed | RemapModes.DontUnmap, other);
            case ActionKind.Punch:
                return parts.NewPunch(caller, scene.Files[action.Region]!, (long)action.Page << scene.Layout.PageShift, (long)length);
            case ActionKind.Fork:
                return new ForkProcess(caller, 1);
            case ActionKind.Exit:
                return new ExitProcess(caller);
            case ActionKind.Register:
                return new Register(caller, context, start, length, (ulong)RegisterModes.Missing);
            case ActionKind.Unregister:
                return parts.NewUnregister(caller, context, start, length);
            case ActionKind.Close:
                return new CloseHandle(caller, context);
            case ActionKind.Copy:
                return Fill(FillKind.Copy, FillSource.Buffer(content.AddressOf(action.Region, action.Page)));
            case ActionKind.CopyWp:
                return Fill(FillKind.Copy, FillSource.Buffer(content.AddressOf(action.Region, action.Page)), FillModes.WriteProtect);
            case ActionKind.CopyFrom:
                return Fill(FillKind.Copy, FillSource.User(other));
            case ActionKind.Zeropage:
                return Fill(FillKind.ZeroPage, FillSource.Zero);
            case ActionKind.Continue:
                return Fill(FillKind.Continue, FillSource.Zero);
            case ActionKind.Poison:
                return Fill(FillKind.Poison, FillSource.Zero);
            case ActionKind.Protect:
                return new WriteProtect(caller, context, start, length, (ulong)WriteProtectModes.Protect);
            case ActionKind.Unprotect:
                return new WriteProtect(caller, context, start, length, (ulong)WriteProtectModes.Clear);
            case ActionKind.Move:
                return parts.NewMove(caller, context, start, other, length);
            case ActionKind.Wake:
                return new Wake(caller, context, start, length);
            default:
                return new ReadMessages(caller, context, MessagesPerRead * UffdMsg.SizeInBytes);
        }

        Fill Fill(FillKind kind, FillSource source, FillModes modes = FillModes.None)
        {
            Fill fill = parts.NewFill(caller);
            fill.Begin(context, kind, start, length, source, modes);
            return fill;
        }
    }

    /// <summary>The errno of a finished operation; null for an access.</summary>
    public static Errno? ErrorOf(Operation operation) => operation switch
    {
        ControlOperation call => call.Error,
        Fill fill => fill.Error,
        _ => null,
    };
}
