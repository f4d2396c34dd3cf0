using UffdActors.PostCopy.Wire;

namespace UffdActors.Cli.Torture;

/// <summary>A point in the life of a migration at which something may happen to it.</summary>
/// <param name="Name">What has just happened at it.</param>
/// <param name="CopiesFirst">The guest is copied before it is stopped.</param>
/// <param name="Disruptions">The disruption of the cell, and before it those that lead to the moment.</param>
internal sealed record Moment(string Name, bool CopiesFirst, Func<Disruption, IReadOnlyList<Injection>> Disruptions)
{
    // Pages are on their way: the link is cut there, and what follows is a recovery.
    private static readonly Injection CutAmidPages = new(Disruption.Cut, MessageKind.Answer, 3, OfDemand: false);

    /// <summary>All of them, in their order.</summary>
    public static IReadOnlyList<Moment> All { get; } =
    [
        Before("the guest's memory is offered", MessageKind.Offer),
        Before("memory is made for it", MessageKind.OfferTaken),
        Before("a part is copied", MessageKind.Content, number: 2, copiesFirst: true),
        Before("stale pages of the copy are named", MessageKind.Discard, copiesFirst: true),
        Before("the hand-over is lost", MessageKind.HandOver),
        Before("the hand-over after a copy is lost", MessageKind.HandOver, copiesFirst: true),
        After("the hand-over has arrived", MessageKind.HandOver),
        Before("the guest runs there, and the message is lost", MessageKind.Accepted),
        After("the guest runs there", MessageKind.Accepted),
        Before("a demanded page is on its way", MessageKind.Answer, ofDemand: true),
        Before("pages are on their way", MessageKind.Answer, number: 3, ofDemand: false),
        Before("the last page is there, and the message is lost", MessageKind.Complete),
        After("every page is there", MessageKind.Complete),
        Before("the guest has ended, and the message is lost", MessageKind.Finished),
        Before("the verdict is on its way", MessageKind.Verdict),
        new("recovery: the source connects again", false, s => [CutAmidPages, new Injection(s, MessageKind.Hello, 1)]),
        new("recovery: the destination answers", false, s => [CutAmidPages, new Injection(s, MessageKind.Welcome, 1)]),
        new("recovery: the first page", false, s => [CutAmidPages, new Injection(s, MessageKind.Answer, 1)]),
        new("recovery of a lost hand-over: it is sent again", false,
            s => [new Injection(Disruption.Cut, MessageKind.HandOver, 1), new Injection(s, MessageKind.HandOver, 1)]),
        new("recovery of a lost answer: the destination says that it runs the guest", false,
            s => [new Injection(Disruption.Cut, MessageKind.Accepted, 1), new Injection(s, MessageKind.Welcome, 1, Arrives: true)]),
    ];

    private static Moment Before(string name, MessageKind kind, int number = 1, bool copiesFirst = false, bool? ofDemand = null) =>
        new(name, copiesFirst, s => [new Injection(s, kind, number, OfDemand: ofDemand)]);

    private static Moment After(string name, MessageKind kind) => new(name, false, s => [new Injection(s, kind, 1, Arrives: true)]);
}
