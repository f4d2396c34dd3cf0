using UffdActors.Handling;
using UffdActors.Testing.Guests;

namespace UffdActors.Tests.Handling;

public sealed class FaultWatchTests
{
    private readonly Watch _watch = new();

    [Fact]
    public void The_oldest_is_published_when_it_changes_and_only_then()
    {
        PageRequest[] requests = [.. Enumerable.Range(0, 4).Select(_ => NewRequest())];
        for (int i = 0; i < requests.Length; i++) _watch.Add(requests[i], 100 + i, 7);

        _watch.Remove(requests[2]);
        _watch.Remove(requests[0]);
        _watch.Remove(requests[3]);
        _watch.Remove(requests[1]);

        Assert.Equal([requests[0], requests[1], null], _watch.Published);
        Assert.Equal((101, 7u), (requests[1].Raised, requests[1].Thread));
    }

    [Fact]
    public void A_request_that_was_given_up_and_then_leaves_is_removed_once_and_can_come_again()
    {
        PageRequest request = NewRequest();
        PageRequest other = NewRequest();
        _watch.Add(request, 1, 1);
        _watch.Add(other, 2, 1);
        _watch.Remove(request);
        _watch.Remove(request);
        _watch.Add(request, 3, 1);
        _watch.Remove(other);

        Assert.Equal([request, other, request], _watch.Published);
    }

    [Fact]
    public void At_random_the_published_one_is_always_the_oldest()
    {
        Random random = new(5);
        List<PageRequest> inside = [];
        Stack<PageRequest> outside = new(Enumerable.Range(0, 20).Select(_ => NewRequest()));
        for (int i = 0; i < 5000; i++)
        {
            if (outside.Count > 0 && random.Next(2) == 0)
            {
                inside.Add(outside.Pop());
                _watch.Add(inside[^1], i, 0);
            }
            else if (inside.Count > 0)
            {
                PageRequest leaving = inside[random.Next(inside.Count)];
                _ = inside.Remove(leaving);
                _watch.Remove(leaving);
                outside.Push(leaving);
            }

            if (_watch.Published.Count > 0) Assert.Same(inside.FirstOrDefault(), _watch.Published[^1]);
        }
    }

    private static PageRequest NewRequest() => new(null!, new HandlerSlot(0, new NoThread()), null!);

    private sealed class Watch : FaultWatch
    {
        public List<PageRequest?> Published { get; } = [];

        protected override void Publish(PageRequest? oldest) => Published.Add(oldest);
    }
}
